//! The read side over HTTP: GET.
