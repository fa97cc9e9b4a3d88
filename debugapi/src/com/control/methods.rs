//! IDebugControl: the execution and the kind of the target, options, output.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknownImpl, Interface, Weak};

use super::interface::{IDebugControl_Impl, IDebugControl2_Impl, IDebugControl3_Impl, IDebugControl4_Impl};
use crate::com::callbacks::Callbacks;
use crate::com::variadic::{Characters, formatted};
use crate::com::{Client_Impl, E_INVALIDARG, E_NOTIMPL, IDebugClient5, breakpoint};
use crate::command::{Command, Text};
use crate::edge::{Out, input, room, text, wide_text};

impl Client_Impl {
    /// Carries out a command that answers with a breakpoint, and gives its object.
    ///
    /// # Safety
    /// The place is null or can be written; what is put there is the caller's to release.
    unsafe fn breakpoint(
        &self,
        command: Command,
        adder: Option<Weak<IDebugClient5>>,
        place: *mut *mut c_void,
    ) -> HRESULT {
        if place.is_null() {
            return E_INVALIDARG;
        }
        let mut handle = 0;
        // SAFETY: the place of the command is a variable, that of the object the caller's.
        unsafe {
            let result = self.shared.call(command, &[Out::NeedU64(&raw mut handle)]);
            let object = match result.is_ok() {
                true => self.shared.object(handle, adder).into_raw(),
                false => std::ptr::null_mut(),
            };
            place.write_unaligned(object);
            result
        }
    }

    /// Says a text that was put together, or why it was not.
    ///
    /// # Safety
    /// None of its own; the command has no pointer.
    unsafe fn say(
        &self,
        text: Result<Text, HRESULT>,
        listener: Option<&Callbacks>,
        command: impl FnOnce(Text) -> Command,
    ) -> HRESULT {
        match text {
            // SAFETY: there is no place.
            Ok(text) => unsafe { self.shared.call_for(listener, command(text), &[]) },
            Err(refusal) => refusal,
        }
    }
}

impl IDebugControl_Impl for Client_Impl {
    methods! {
        GetInterrupt()
            = GetInterrupt {}
            => [];
        SetInterrupt(flags: u32)
            = SetInterrupt { flags }
            => [];
    }

    not_implemented! {
        GetInterruptTimeout SetInterruptTimeout GetLogFile OpenLogFile CloseLogFile GetLogMask
        SetLogMask Input ReturnInput
    }

    // These three as they are without arguments; `variadic` puts others in their place.
    unsafe fn Output(&self, mask: u32, format: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.OutputVaList(mask, format, std::ptr::null_mut()) }
    }

    unsafe fn OutputVaList(&self, mask: u32, format: *const c_char, arguments: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let text = formatted(&self.shared, text(format), Characters::Narrow, arguments);
            self.say(text, None, |text| Command::Output { mask, text })
        }
    }

    unsafe fn ControlledOutput(&self, output_control: u32, mask: u32, format: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.ControlledOutputVaList(output_control, mask, format, std::ptr::null_mut()) }
    }

    unsafe fn ControlledOutputVaList(
        &self,
        output_control: u32,
        mask: u32,
        format: *const c_char,
        arguments: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let text = formatted(&self.shared, text(format), Characters::Narrow, arguments);
            let listener = self.listener(output_control);
            self.say(text, listener, |text| Command::ControlledOutput { output_control, mask, text })
        }
    }

    unsafe fn OutputPrompt(&self, output_control: u32, format: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.OutputPromptVaList(output_control, format, std::ptr::null_mut()) }
    }

    unsafe fn OutputPromptVaList(
        &self,
        output_control: u32,
        format: *const c_char,
        arguments: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            // Without a format there is the prompt alone.
            let format = text(format).or(Some("".into()));
            let text = formatted(&self.shared, format, Characters::Narrow, arguments);
            let listener = self.listener(output_control);
            self.say(text, listener, |text| Command::OutputPrompt { output_control, text })
        }
    }

    methods! {
        GetPromptText(buffer: *mut c_char, size: u32, used: *mut u32)
            = GetPromptText { buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used)];
    }

    not_implemented! {
        OutputCurrentState OutputVersionInformation GetNotifyEventHandle SetNotifyEventHandle Assemble
    }

    methods! {
        Disassemble(offset: u64, flags: u32, buffer: *mut c_char, size: u32, used: *mut u32, end: *mut u64)
            = Disassemble { offset, flags, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::NeedU64(end)];
    }

    not_implemented! {
        GetDisassembleEffectiveOffset OutputDisassembly OutputDisassemblyLines GetNearInstruction
    }

    methods! {
        GetStackTrace(frame_offset: u64, stack_offset: u64, instruction_offset: u64, frames: *mut c_void, size: u32, filled: *mut u32)
            = GetStackTrace { frame_offset, stack_offset, instruction_offset, frames: room(frames, size) }
            => [Out::Bytes(frames), Out::U32(filled)];
        GetReturnOffset(offset: *mut u64)
            = GetReturnOffset {}
            => [Out::NeedU64(offset)];
    }

    not_implemented! {
        OutputStackTrace
    }

    methods! {
        GetDebuggeeType(class: *mut u32, qualifier: *mut u32)
            = GetDebuggeeType {}
            => [Out::NeedU32(class), Out::NeedU32(qualifier)];
        GetActualProcessorType(kind: *mut u32)
            = GetActualProcessorType {}
            => [Out::NeedU32(kind)];
        GetExecutingProcessorType(kind: *mut u32)
            = GetExecutingProcessorType {}
            => [Out::NeedU32(kind)];
    }

    not_implemented! {
        GetNumberPossibleExecutingProcessorTypes GetPossibleExecutingProcessorTypes
    }

    methods! {
        GetNumberProcessors(number: *mut u32)
            = GetNumberProcessors {}
            => [Out::NeedU32(number)];
    }

    not_implemented! {
        GetSystemVersion
    }

    methods! {
        GetPageSize(size: *mut u32)
            = GetPageSize {}
            => [Out::NeedU32(size)];
        IsPointer64Bit()
            = IsPointer64Bit {}
            => [];
    }

    not_implemented! {
        ReadBugCheckData GetNumberSupportedProcessorTypes GetSupportedProcessorTypes
        GetProcessorTypeNames
    }

    methods! {
        GetEffectiveProcessorType(kind: *mut u32)
            = GetEffectiveProcessorType {}
            => [Out::NeedU32(kind)];
        SetEffectiveProcessorType(processor_type: u32)
            = SetEffectiveProcessorType { processor_type }
            => [];
        GetExecutionStatus(status: *mut u32)
            = GetExecutionStatus {}
            => [Out::NeedU32(status)];
        SetExecutionStatus(status: u32)
            = SetExecutionStatus { status }
            => [];
    }

    not_implemented! {
        GetCodeLevel SetCodeLevel
    }

    methods! {
        GetEngineOptions(options: *mut u32)
            = GetEngineOptions {}
            => [Out::NeedU32(options)];
        AddEngineOptions(options: u32)
            = AddEngineOptions { options }
            => [];
        RemoveEngineOptions(options: u32)
            = RemoveEngineOptions { options }
            => [];
        SetEngineOptions(options: u32)
            = SetEngineOptions { options }
            => [];
    }

    not_implemented! {
        GetSystemErrorControl SetSystemErrorControl GetTextMacro SetTextMacro
    }

    methods! {
        GetRadix(radix: *mut u32)
            = GetRadix {}
            => [Out::NeedU32(radix)];
        SetRadix(radix: u32)
            = SetRadix { radix }
            => [];
    }

    unsafe fn Evaluate(
        &self,
        expression: *const c_char,
        desired_type: u32,
        value: *mut c_void,
        remainder: *mut u32,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Some(expression) = (unsafe { text(expression) }) else { return E_INVALIDARG };
        let command = Command::Evaluate { expression, desired_type, remainder: !remainder.is_null() };
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.shared.call(command, &[Out::NeedBytes(value), Out::U32(remainder)]) }
    }

    not_implemented! {
        CoerceValue CoerceValues
    }

    unsafe fn Execute(&self, output_control: u32, command: *const c_char, flags: u32) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Some(command) = (unsafe { text(command) }) else { return E_INVALIDARG };
        let command = Command::Execute { output_control, command, flags };
        // SAFETY: there is no pointer any more.
        unsafe { self.shared.call_for(self.listener(output_control), command, &[]) }
    }

    not_implemented! {
        ExecuteCommandFile
    }

    methods! {
        GetNumberBreakpoints(number: *mut u32)
            = GetNumberBreakpoints {}
            => [Out::NeedU32(number)];
    }

    unsafe fn GetBreakpointByIndex(&self, index: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.breakpoint(Command::GetBreakpointByIndex { index }, None, breakpoint) }
    }

    unsafe fn GetBreakpointById(&self, id: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.breakpoint(Command::GetBreakpointById { id }, None, breakpoint) }
    }

    methods! {
        GetBreakpointParameters(count: u32, ids: *const u32, start: u32, parameters: *mut c_void)
            = GetBreakpointParameters { count, ids: input(ids, count), start }
            => [Out::NeedBytes(parameters)];
    }

    unsafe fn AddBreakpoint(&self, kind: u32, desired_id: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        let adder = self.to_interface::<IDebugClient5>().downgrade().ok();
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.breakpoint(Command::AddBreakpoint { kind, desired_id }, adder, breakpoint) }
    }

    unsafe fn RemoveBreakpoint(&self, breakpoint: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { breakpoint::remove(&self.shared, breakpoint) }
    }

    not_implemented! {
        AddExtension RemoveExtension GetExtensionByPath CallExtension GetExtensionFunction
        GetWindbgExtensionApis32 GetWindbgExtensionApis64 GetNumberEventFilters GetEventFilterText
        GetEventFilterCommand SetEventFilterCommand GetSpecificFilterParameters
        SetSpecificFilterParameters GetSpecificFilterArgument SetSpecificFilterArgument
        GetExceptionFilterParameters SetExceptionFilterParameters GetExceptionFilterSecondCommand
        SetExceptionFilterSecondCommand
    }

    unsafe fn WaitForEvent(&self, flags: u32, timeout: u32) -> HRESULT {
        self.shared.wait(flags, timeout)
    }

    methods! {
        GetLastEventInformation(kind: *mut u32, process: *mut u32, thread: *mut u32, extra: *mut c_void, extra_size: u32, extra_used: *mut u32, description: *mut c_char, description_size: u32, description_used: *mut u32)
            = GetLastEventInformation { extra: room(extra, extra_size), description: room(description, description_size) }
            => [Out::NeedU32(kind), Out::NeedU32(process), Out::NeedU32(thread), Out::Bytes(extra), Out::U32(extra_used), Out::Bytes(description.cast()), Out::U32(description_used)];
    }
}

impl IDebugControl2_Impl for Client_Impl {
    not_implemented! {
        GetCurrentTimeDate GetCurrentSystemUpTime GetDumpFormatFlags GetNumberTextReplacements
        GetTextReplacement SetTextReplacement RemoveTextReplacements OutputTextReplacements
    }
}

impl IDebugControl3_Impl for Client_Impl {
    not_implemented! {
        GetAssemblyOptions AddAssemblyOptions RemoveAssemblyOptions SetAssemblyOptions
        GetExpressionSyntax SetExpressionSyntax SetExpressionSyntaxByName GetNumberExpressionSyntaxes
        GetExpressionSyntaxNames GetNumberEvents GetEventIndexDescription GetCurrentEventIndex
        SetNextEventIndex
    }
}

impl IDebugControl4_Impl for Client_Impl {
    not_implemented! {
        GetLogFileWide OpenLogFileWide InputWide ReturnInputWide AssembleWide GetProcessorTypeNamesWide
        GetTextMacroWide SetTextMacroWide ExecuteCommandFileWide AddExtensionWide GetExtensionByPathWide
        CallExtensionWide GetExtensionFunctionWide GetEventFilterTextWide GetEventFilterCommandWide
        SetEventFilterCommandWide GetSpecificFilterArgumentWide SetSpecificFilterArgumentWide
        GetExceptionFilterSecondCommandWide SetExceptionFilterSecondCommandWide
        GetLastEventInformationWide GetTextReplacementWide SetTextReplacementWide
        SetExpressionSyntaxByNameWide GetExpressionSyntaxNamesWide GetEventIndexDescriptionWide
        GetLogFile2 OpenLogFile2 GetLogFile2Wide OpenLogFile2Wide GetSystemVersionValues
        GetSystemVersionString GetSystemVersionStringWide GetContextStackTrace OutputContextStackTrace
        GetStoredEventInformation GetManagedStatus GetManagedStatusWide ResetManagedStatus
    }

    // These three as they are without arguments; `variadic` puts others in their place.
    unsafe fn OutputWide(&self, mask: u32, format: *const u16) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.OutputVaListWide(mask, format, std::ptr::null_mut()) }
    }

    unsafe fn OutputVaListWide(&self, mask: u32, format: *const u16, arguments: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let text = formatted(&self.shared, wide_text(format), Characters::Wide, arguments);
            self.say(text, None, |text| Command::Output { mask, text })
        }
    }

    unsafe fn ControlledOutputWide(&self, output_control: u32, mask: u32, format: *const u16) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.ControlledOutputVaListWide(output_control, mask, format, std::ptr::null_mut()) }
    }

    unsafe fn ControlledOutputVaListWide(
        &self,
        output_control: u32,
        mask: u32,
        format: *const u16,
        arguments: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let text = formatted(&self.shared, wide_text(format), Characters::Wide, arguments);
            let listener = self.listener(output_control);
            self.say(text, listener, |text| Command::ControlledOutput { output_control, mask, text })
        }
    }

    unsafe fn OutputPromptWide(&self, output_control: u32, format: *const u16) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.OutputPromptVaListWide(output_control, format, std::ptr::null_mut()) }
    }

    unsafe fn OutputPromptVaListWide(
        &self,
        output_control: u32,
        format: *const u16,
        arguments: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            // Without a format there is the prompt alone.
            let format = wide_text(format).or(Some("".into()));
            let text = formatted(&self.shared, format, Characters::Wide, arguments);
            let listener = self.listener(output_control);
            self.say(text, listener, |text| Command::OutputPrompt { output_control, text })
        }
    }

    methods! {
        GetPromptTextWide(buffer: *mut u16, size: u32, used: *mut u32)
            = GetPromptTextWide { buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used)];
        DisassembleWide(offset: u64, flags: u32, buffer: *mut u16, size: u32, used: *mut u32, end: *mut u64)
            = DisassembleWide { offset, flags, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::NeedU64(end)];
    }

    // An IDebugBreakpoint is an IDebugBreakpoint2 as well.
    unsafe fn GetBreakpointByIndex2(&self, index: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.GetBreakpointByIndex(index, breakpoint) }
    }

    unsafe fn GetBreakpointById2(&self, id: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.GetBreakpointById(id, breakpoint) }
    }

    unsafe fn AddBreakpoint2(&self, kind: u32, desired_id: u32, breakpoint: *mut *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.AddBreakpoint(kind, desired_id, breakpoint) }
    }

    unsafe fn RemoveBreakpoint2(&self, breakpoint: *mut c_void) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.RemoveBreakpoint(breakpoint) }
    }

    unsafe fn EvaluateWide(
        &self,
        expression: *const u16,
        desired_type: u32,
        value: *mut c_void,
        remainder: *mut u32,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Some(expression) = (unsafe { wide_text(expression) }) else { return E_INVALIDARG };
        let command = Command::Evaluate { expression, desired_type, remainder: !remainder.is_null() };
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.shared.call(command, &[Out::NeedBytes(value), Out::U32(remainder)]) }
    }

    unsafe fn ExecuteWide(&self, output_control: u32, command: *const u16, flags: u32) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Some(command) = (unsafe { wide_text(command) }) else { return E_INVALIDARG };
        let command = Command::Execute { output_control, command, flags };
        // SAFETY: there is no pointer any more.
        unsafe { self.shared.call_for(self.listener(output_control), command, &[]) }
    }
}
