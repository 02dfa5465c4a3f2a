//! How much a template may ask for. Charts come from repositories that others write to, so each of these is a
//! refusal with a message, never an abort of the process.
//!
//! All of them are far above what charts of real projects use, so none shows in ordinary work.

/// Templates inside templates (`include`, `template`, `tpl`) at one time. helm itself stops at 1000 of one name;
/// each level takes a few kilobytes of stack, see [`STACK_BYTES`].
pub const TEMPLATE_DEPTH_MAX: usize = 1000;

/// Parentheses and blocks inside one another in one text: it is also the depth of the parser's recursion.
pub const NESTING_DEPTH_MAX: usize = 200;

/// Nodes and commands carried out during one rendering: seconds of work. The largest public charts need some 100,000.
pub const STEPS_MAX: u64 = 20_000_000;

/// Length of one text that a function or template may return: a Kubernetes object is at most 1.5 MB.
pub const TEXT_BYTES_MAX: usize = 16 << 20;

/// All texts made during one rendering, together: it bounds the memory that variables can hold.
pub const TEXT_BYTES_TOTAL_MAX: u64 = 1 << 30;

/// What one rendering may print, over all its documents.
pub const OUTPUT_BYTES_MAX: u64 = 64 << 20;

/// Items in a list a function makes (`until`, `seq`, `concat`, `splitList`).
pub const LIST_ITEMS_MAX: usize = 1_000_000;

/// Maps and lists inside one another when a value is read, printed, copied or compared. Go's JSON stops at 10,000; a
/// map that holds itself would otherwise never end.
pub const VALUE_DEPTH_MAX: usize = 500;

/// Values visited when one is copied, compared or merged: maps that share parts can be exponentially large when
/// they are unfolded.
pub const VALUE_VISITS_MAX: usize = 4_000_000;

/// Nodes of one YAML document with its aliases unfolded; stops documents that double at each line.
pub const YAML_NODES_MAX: usize = 1_000_000;

/// Memory for one compiled regular expression. Go bounds repetition at 1000; `regex` bounds the whole program.
pub const REGEX_BYTES_MAX: usize = 4 << 20;

/// One archive inside `charts/`, unpacked. The largest public charts unpack to about 10 MB.
pub const ARCHIVE_BYTES_MAX: usize = 100 << 20;

/// Bodies and pipelines inside one another while templates run, over all levels of templates: it bounds the stack.
/// [`TEMPLATE_DEPTH_MAX`] levels of ordinary templates take some 5,000.
pub const EVALUATION_DEPTH_MAX: usize = 40_000;

/// Stack of the thread a rendering runs on: [`EVALUATION_DEPTH_MAX`] levels of an unoptimized build fit, at some 4 KB
/// each. Only pages that are used count.
pub const STACK_BYTES: usize = 256 << 20;
