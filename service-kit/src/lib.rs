//! What every HTTP process needs and the domain never sees.
