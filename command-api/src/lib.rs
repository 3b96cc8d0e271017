//! The write side over HTTP: POST, PUT, PATCH, DELETE.
