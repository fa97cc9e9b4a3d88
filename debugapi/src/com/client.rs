//! IDebugClient: attaching, ending, callbacks, further clients.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknown, Interface, interface};

use super::{Client, Client_Impl, E_INVALIDARG, E_NOTIMPL, S_OK};
use crate::command::Command;
use crate::edge::text;

#[interface("27fe5639-8407-4f47-8364-ee118fb08ac8")]
/// Slots 3 to 47.
pub unsafe trait IDebugClient: IUnknown {
    pub fn AttachKernel(&self, flags: u32, options: *const c_char) -> HRESULT;
    pub fn GetKernelConnectionOptions(&self) -> HRESULT;
    pub fn SetKernelConnectionOptions(&self) -> HRESULT;
    pub fn StartProcessServer(&self) -> HRESULT;
    pub fn ConnectProcessServer(&self) -> HRESULT;
    pub fn DisconnectProcessServer(&self) -> HRESULT;
    pub fn GetRunningProcessSystemIds(&self) -> HRESULT;
    pub fn GetRunningProcessSystemIdByExecutableName(&self) -> HRESULT;
    pub fn GetRunningProcessDescription(&self) -> HRESULT;
    pub fn AttachProcess(&self) -> HRESULT;
    pub fn CreateProcessA(&self) -> HRESULT;
    pub fn CreateProcessAndAttach(&self) -> HRESULT;
    pub fn GetProcessOptions(&self) -> HRESULT;
    pub fn AddProcessOptions(&self) -> HRESULT;
    pub fn RemoveProcessOptions(&self) -> HRESULT;
    pub fn SetProcessOptions(&self) -> HRESULT;
    pub fn OpenDumpFile(&self) -> HRESULT;
    pub fn WriteDumpFile(&self) -> HRESULT;
    pub fn ConnectSession(&self) -> HRESULT;
    pub fn StartServer(&self) -> HRESULT;
    pub fn OutputServers(&self) -> HRESULT;
    pub fn TerminateProcesses(&self) -> HRESULT;
    pub fn DetachProcesses(&self) -> HRESULT;
    pub fn EndSession(&self, flags: u32) -> HRESULT;
    pub fn GetExitCode(&self) -> HRESULT;
    pub fn DispatchCallbacks(&self) -> HRESULT;
    pub fn ExitDispatch(&self) -> HRESULT;
    pub fn CreateClient(&self, client: *mut *mut c_void) -> HRESULT;
    pub fn GetInputCallbacks(&self) -> HRESULT;
    pub fn SetInputCallbacks(&self) -> HRESULT;
    pub fn GetOutputCallbacks(&self, callbacks: *mut *mut c_void) -> HRESULT;
    pub fn SetOutputCallbacks(&self, callbacks: *mut c_void) -> HRESULT;
    pub fn GetOutputMask(&self, mask: *mut u32) -> HRESULT;
    pub fn SetOutputMask(&self, mask: u32) -> HRESULT;
    pub fn GetOtherOutputMask(&self) -> HRESULT;
    pub fn SetOtherOutputMask(&self) -> HRESULT;
    pub fn GetOutputWidth(&self) -> HRESULT;
    pub fn SetOutputWidth(&self) -> HRESULT;
    pub fn GetOutputLinePrefix(&self) -> HRESULT;
    pub fn SetOutputLinePrefix(&self) -> HRESULT;
    pub fn GetIdentity(&self) -> HRESULT;
    pub fn OutputIdentity(&self) -> HRESULT;
    pub fn GetEventCallbacks(&self, callbacks: *mut *mut c_void) -> HRESULT;
    pub fn SetEventCallbacks(&self, callbacks: *mut c_void) -> HRESULT;
    pub fn FlushCallbacks(&self) -> HRESULT;
}

#[interface("edbed635-372e-4dab-bbfe-ed0d2f63be81")]
/// Slots 48 to 55.
pub unsafe trait IDebugClient2: IDebugClient {
    pub fn WriteDumpFile2(&self) -> HRESULT;
    pub fn AddDumpInformationFile(&self) -> HRESULT;
    pub fn EndProcessServer(&self) -> HRESULT;
    pub fn WaitForProcessServerEnd(&self) -> HRESULT;
    pub fn IsKernelDebuggerEnabled(&self) -> HRESULT;
    pub fn TerminateCurrentProcess(&self) -> HRESULT;
    pub fn DetachCurrentProcess(&self) -> HRESULT;
    pub fn AbandonCurrentProcess(&self) -> HRESULT;
}

#[interface("dd492d7f-71b8-4ad6-a8dc-1c887479ff91")]
/// Slots 56 to 59.
pub unsafe trait IDebugClient3: IDebugClient2 {
    pub fn GetRunningProcessSystemIdByExecutableNameWide(&self) -> HRESULT;
    pub fn GetRunningProcessDescriptionWide(&self) -> HRESULT;
    pub fn CreateProcessWide(&self) -> HRESULT;
    pub fn CreateProcessAndAttachWide(&self) -> HRESULT;
}

#[interface("ca83c3de-5089-4cf8-93c8-d892387f2a5e")]
/// Slots 60 to 65.
pub unsafe trait IDebugClient4: IDebugClient3 {
    pub fn OpenDumpFileWide(&self) -> HRESULT;
    pub fn WriteDumpFileWide(&self) -> HRESULT;
    pub fn AddDumpInformationFileWide(&self) -> HRESULT;
    pub fn GetNumberDumpFiles(&self) -> HRESULT;
    pub fn GetDumpFile(&self) -> HRESULT;
    pub fn GetDumpFileWide(&self) -> HRESULT;
}

#[interface("e3acb9d7-7ec2-4f0c-a0da-e81e0cbbe628")]
/// Slots 66 to 94.
pub unsafe trait IDebugClient5: IDebugClient4 {
    pub fn AttachKernelWide(&self) -> HRESULT;
    pub fn GetKernelConnectionOptionsWide(&self) -> HRESULT;
    pub fn SetKernelConnectionOptionsWide(&self) -> HRESULT;
    pub fn StartProcessServerWide(&self) -> HRESULT;
    pub fn ConnectProcessServerWide(&self) -> HRESULT;
    pub fn StartServerWide(&self) -> HRESULT;
    pub fn OutputServersWide(&self) -> HRESULT;
    pub fn GetOutputCallbacksWide(&self) -> HRESULT;
    pub fn SetOutputCallbacksWide(&self) -> HRESULT;
    pub fn GetOutputLinePrefixWide(&self) -> HRESULT;
    pub fn SetOutputLinePrefixWide(&self) -> HRESULT;
    pub fn GetIdentityWide(&self) -> HRESULT;
    pub fn OutputIdentityWide(&self) -> HRESULT;
    pub fn GetEventCallbacksWide(&self) -> HRESULT;
    pub fn SetEventCallbacksWide(&self) -> HRESULT;
    pub fn CreateProcess2(&self) -> HRESULT;
    pub fn CreateProcess2Wide(&self) -> HRESULT;
    pub fn CreateProcessAndAttach2(&self) -> HRESULT;
    pub fn CreateProcessAndAttach2Wide(&self) -> HRESULT;
    pub fn PushOutputLinePrefix(&self) -> HRESULT;
    pub fn PushOutputLinePrefixWide(&self) -> HRESULT;
    pub fn PopOutputLinePrefix(&self) -> HRESULT;
    pub fn GetNumberInputCallbacks(&self) -> HRESULT;
    pub fn GetNumberOutputCallbacks(&self) -> HRESULT;
    pub fn GetNumberEventCallbacks(&self) -> HRESULT;
    pub fn GetQuitLockString(&self) -> HRESULT;
    pub fn SetQuitLockString(&self) -> HRESULT;
    pub fn GetQuitLockStringWide(&self) -> HRESULT;
    pub fn SetQuitLockStringWide(&self) -> HRESULT;
}

impl IDebugClient_Impl for Client_Impl {
    unsafe fn AttachKernel(&self, flags: u32, options: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let connect_options = text(options).unwrap_or_default();
            self.shared.call(Command::AttachKernel { flags, connect_options }, &[])
        }
    }

    not_implemented! {
        GetKernelConnectionOptions SetKernelConnectionOptions StartProcessServer ConnectProcessServer
        DisconnectProcessServer GetRunningProcessSystemIds GetRunningProcessSystemIdByExecutableName
        GetRunningProcessDescription AttachProcess CreateProcessA CreateProcessAndAttach
        GetProcessOptions AddProcessOptions RemoveProcessOptions SetProcessOptions OpenDumpFile
        WriteDumpFile ConnectSession StartServer OutputServers TerminateProcesses DetachProcesses
    }

    methods! {
        EndSession(flags: u32)
            = EndSession { flags }
            => [];
    }

    not_implemented! {
        GetExitCode DispatchCallbacks ExitDispatch
    }

    unsafe fn CreateClient(&self, client: *mut *mut c_void) -> HRESULT {
        if client.is_null() {
            return E_INVALIDARG;
        }
        let other: IDebugClient5 = Client::on(&self.shared);
        // SAFETY: a COM client vouches for its pointers; what it gets it must release.
        unsafe { client.write_unaligned(other.into_raw()) };
        S_OK
    }

    not_implemented! {
        GetInputCallbacks SetInputCallbacks
    }

    unsafe fn GetOutputCallbacks(&self, callbacks: *mut *mut c_void) -> HRESULT {
        if callbacks.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers; what it gets it must release.
        unsafe { callbacks.write_unaligned(self.callbacks.output_raw()) };
        S_OK
    }

    unsafe fn SetOutputCallbacks(&self, callbacks: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.callbacks.set_output(callbacks) };
        S_OK
    }

    unsafe fn GetOutputMask(&self, mask: *mut u32) -> HRESULT {
        if mask.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers.
        unsafe { mask.write_unaligned(self.callbacks.mask()) };
        S_OK
    }

    unsafe fn SetOutputMask(&self, mask: u32) -> HRESULT {
        self.callbacks.set_mask(mask);
        S_OK
    }

    not_implemented! {
        GetOtherOutputMask SetOtherOutputMask GetOutputWidth SetOutputWidth GetOutputLinePrefix
        SetOutputLinePrefix GetIdentity OutputIdentity
    }

    unsafe fn GetEventCallbacks(&self, callbacks: *mut *mut c_void) -> HRESULT {
        if callbacks.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers; what it gets it must release.
        unsafe { callbacks.write_unaligned(self.callbacks.events_raw()) };
        S_OK
    }

    unsafe fn SetEventCallbacks(&self, callbacks: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.callbacks.set_events(callbacks) };
        S_OK
    }

    unsafe fn FlushCallbacks(&self) -> HRESULT {
        // Callbacks are called before each method returns: nothing is ever held back.
        S_OK
    }
}

impl IDebugClient2_Impl for Client_Impl {
    not_implemented! {
        WriteDumpFile2 AddDumpInformationFile EndProcessServer WaitForProcessServerEnd
        IsKernelDebuggerEnabled TerminateCurrentProcess DetachCurrentProcess AbandonCurrentProcess
    }
}

impl IDebugClient3_Impl for Client_Impl {
    not_implemented! {
        GetRunningProcessSystemIdByExecutableNameWide GetRunningProcessDescriptionWide CreateProcessWide
        CreateProcessAndAttachWide
    }
}

impl IDebugClient4_Impl for Client_Impl {
    not_implemented! {
        OpenDumpFileWide WriteDumpFileWide AddDumpInformationFileWide GetNumberDumpFiles GetDumpFile
        GetDumpFileWide
    }
}

impl IDebugClient5_Impl for Client_Impl {
    not_implemented! {
        AttachKernelWide GetKernelConnectionOptionsWide SetKernelConnectionOptionsWide
        StartProcessServerWide ConnectProcessServerWide StartServerWide OutputServersWide
        GetOutputCallbacksWide SetOutputCallbacksWide GetOutputLinePrefixWide SetOutputLinePrefixWide
        GetIdentityWide OutputIdentityWide GetEventCallbacksWide SetEventCallbacksWide CreateProcess2
        CreateProcess2Wide CreateProcessAndAttach2 CreateProcessAndAttach2Wide PushOutputLinePrefix
        PushOutputLinePrefixWide PopOutputLinePrefix GetNumberInputCallbacks GetNumberOutputCallbacks
        GetNumberEventCallbacks GetQuitLockString SetQuitLockString GetQuitLockStringWide
        SetQuitLockStringWide
    }
}
