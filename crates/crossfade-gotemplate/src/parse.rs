//! From text to trees: Go's template language, whole.
//!
//! Own rather than a library's: the crate `gotmpl` has the language too, but its values are immutable (charts change
//! dictionaries in place), have no methods (`.Files.Get`), and its errors carry no position.
//! Never looks at data; only the names of functions are needed, as Go refuses unknown ones while it reads.

mod lexer;
mod literal;
mod node;
mod parser;

pub use node::{Branch, Command, Expression, List, Node, Pipe, Tree};
pub use parser::parse;
