//! The control's face: how the interfaces are declared, and what their methods do.

mod interface;
mod methods;

pub use interface::*;
