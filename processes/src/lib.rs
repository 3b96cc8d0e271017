//! Reacts to events with commands: durable workflows.
