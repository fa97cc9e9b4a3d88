//! IDebugHostContext: whose view of the machine a call of IDebugHostMemory means.

use std::ffi::c_void;

use windows_core::{HRESULT, IUnknown, Interface, implement, interface};

use super::{E_NOTIMPL, S_OK};
use crate::Context;

#[interface("a68c70d8-5ec0-46e5-b775-3134a48ea2e3")]
/// A context; its content is the host's own affair.
pub unsafe trait IDebugHostContext: IUnknown {
    pub fn IsEqualTo(&self) -> HRESULT;
}

#[interface("0d3b6d51-7c43-4a0e-9f19-52696e67686f")]
/// How a context of our own is known.
unsafe trait IOwnContext: IUnknown {
    pub fn Get(&self, context: *mut Context) -> HRESULT;
}

#[implement(IDebugHostContext, IOwnContext)]
struct HostContext(Context);

impl IDebugHostContext_Impl for HostContext_Impl {
    not_implemented! { IsEqualTo }
}

impl IOwnContext_Impl for HostContext_Impl {
    unsafe fn Get(&self, context: *mut Context) -> HRESULT {
        // SAFETY: only `of` calls this, with a variable of its own.
        unsafe { context.write(self.0) };
        S_OK
    }
}

/// A context for IDebugHostMemory.
pub fn context(context: Context) -> IDebugHostContext {
    HostContext(context).into()
}

/// The context behind a pointer: `None` for null, which is the session's own; an error for one
/// that was not made here.
///
/// # Safety
/// The pointer is null or a COM interface.
pub(super) unsafe fn of(context: *mut c_void) -> Result<Option<Context>, windows_core::Error> {
    // SAFETY: the caller vouches for the pointer.
    let Some(unknown) = (unsafe { IUnknown::from_raw_borrowed(&context) }) else { return Ok(None) };
    let own: IOwnContext = unknown.cast()?;
    let mut context = Context::default();
    // SAFETY: the place is a variable of this function.
    unsafe { own.Get(&raw mut context) }.ok()?;
    Ok(Some(context))
}
