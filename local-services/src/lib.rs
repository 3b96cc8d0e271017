//! Real Postgres and NATS for a laptop, a test or a demo.
