//! Records, ownership and the plan that makes a zone what the sources ask for.
