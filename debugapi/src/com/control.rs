//! IDebugControl: the execution and the kind of the target, options, output.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknown, IUnknownImpl, Interface, Weak, interface};

use super::variadic::formatted;
use super::{Client_Impl, E_INVALIDARG, E_NOTIMPL, IDebugClient5, breakpoint};
use crate::command::Command;
use crate::edge::{Out, input, room, text, wide_text};

#[interface("5182e668-105e-416e-ad92-24ef800424ba")]
/// Slots 3 to 94.
pub unsafe trait IDebugControl: IUnknown {
    pub fn GetInterrupt(&self) -> HRESULT;
    pub fn SetInterrupt(&self, flags: u32) -> HRESULT;
    pub fn GetInterruptTimeout(&self) -> HRESULT;
    pub fn SetInterruptTimeout(&self) -> HRESULT;
    pub fn GetLogFile(&self) -> HRESULT;
    pub fn OpenLogFile(&self) -> HRESULT;
    pub fn CloseLogFile(&self) -> HRESULT;
    pub fn GetLogMask(&self) -> HRESULT;
    pub fn SetLogMask(&self) -> HRESULT;
    pub fn Input(&self) -> HRESULT;
    pub fn ReturnInput(&self) -> HRESULT;
    pub fn Output(&self, mask: u32, format: *const c_char) -> HRESULT;
    pub fn OutputVaList(&self, mask: u32, format: *const c_char, arguments: *mut c_void) -> HRESULT;
    pub fn ControlledOutput(&self, output_control: u32, mask: u32, format: *const c_char) -> HRESULT;
    pub fn ControlledOutputVaList(
        &self,
        output_control: u32,
        mask: u32,
        format: *const c_char,
        arguments: *mut c_void,
    ) -> HRESULT;
    pub fn OutputPrompt(&self, output_control: u32, format: *const c_char) -> HRESULT;
    pub fn OutputPromptVaList(
        &self,
        output_control: u32,
        format: *const c_char,
        arguments: *mut c_void,
    ) -> HRESULT;
    pub fn GetPromptText(&self, buffer: *mut c_char, size: u32, used: *mut u32) -> HRESULT;
    pub fn OutputCurrentState(&self) -> HRESULT;
    pub fn OutputVersionInformation(&self) -> HRESULT;
    pub fn GetNotifyEventHandle(&self) -> HRESULT;
    pub fn SetNotifyEventHandle(&self) -> HRESULT;
    pub fn Assemble(&self) -> HRESULT;
    pub fn Disassemble(
        &self,
        offset: u64,
        flags: u32,
        buffer: *mut c_char,
        size: u32,
        used: *mut u32,
        end: *mut u64,
    ) -> HRESULT;
    pub fn GetDisassembleEffectiveOffset(&self) -> HRESULT;
    pub fn OutputDisassembly(&self) -> HRESULT;
    pub fn OutputDisassemblyLines(&self) -> HRESULT;
    pub fn GetNearInstruction(&self) -> HRESULT;
    pub fn GetStackTrace(
        &self,
        frame_offset: u64,
        stack_offset: u64,
        instruction_offset: u64,
        frames: *mut c_void,
        size: u32,
        filled: *mut u32,
    ) -> HRESULT;
    pub fn GetReturnOffset(&self, offset: *mut u64) -> HRESULT;
    pub fn OutputStackTrace(&self) -> HRESULT;
    pub fn GetDebuggeeType(&self, class: *mut u32, qualifier: *mut u32) -> HRESULT;
    pub fn GetActualProcessorType(&self, kind: *mut u32) -> HRESULT;
    pub fn GetExecutingProcessorType(&self, kind: *mut u32) -> HRESULT;
    pub fn GetNumberPossibleExecutingProcessorTypes(&self) -> HRESULT;
    pub fn GetPossibleExecutingProcessorTypes(&self) -> HRESULT;
    pub fn GetNumberProcessors(&self, number: *mut u32) -> HRESULT;
    pub fn GetSystemVersion(&self) -> HRESULT;
    pub fn GetPageSize(&self, size: *mut u32) -> HRESULT;
    pub fn IsPointer64Bit(&self) -> HRESULT;
    pub fn ReadBugCheckData(&self) -> HRESULT;
    pub fn GetNumberSupportedProcessorTypes(&self) -> HRESULT;
    pub fn GetSupportedProcessorTypes(&self) -> HRESULT;
    pub fn GetProcessorTypeNames(&self) -> HRESULT;
    pub fn GetEffectiveProcessorType(&self, kind: *mut u32) -> HRESULT;
    pub fn SetEffectiveProcessorType(&self, processor_type: u32) -> HRESULT;
    pub fn GetExecutionStatus(&self, status: *mut u32) -> HRESULT;
    pub fn SetExecutionStatus(&self, status: u32) -> HRESULT;
    pub fn GetCodeLevel(&self) -> HRESULT;
    pub fn SetCodeLevel(&self) -> HRESULT;
    pub fn GetEngineOptions(&self, options: *mut u32) -> HRESULT;
    pub fn AddEngineOptions(&self, options: u32) -> HRESULT;
    pub fn RemoveEngineOptions(&self, options: u32) -> HRESULT;
    pub fn SetEngineOptions(&self, options: u32) -> HRESULT;
    pub fn GetSystemErrorControl(&self) -> HRESULT;
    pub fn SetSystemErrorControl(&self) -> HRESULT;
    pub fn GetTextMacro(&self) -> HRESULT;
    pub fn SetTextMacro(&self) -> HRESULT;
    pub fn GetRadix(&self, radix: *mut u32) -> HRESULT;
    pub fn SetRadix(&self, radix: u32) -> HRESULT;
    pub fn Evaluate(
        &self,
        expression: *const c_char,
        desired_type: u32,
        value: *mut c_void,
        remainder: *mut u32,
    ) -> HRESULT;
    pub fn CoerceValue(&self) -> HRESULT;
    pub fn CoerceValues(&self) -> HRESULT;
    pub fn Execute(&self, output_control: u32, command: *const c_char, flags: u32) -> HRESULT;
    pub fn ExecuteCommandFile(&self) -> HRESULT;
    pub fn GetNumberBreakpoints(&self, number: *mut u32) -> HRESULT;
    pub fn GetBreakpointByIndex(&self, index: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn GetBreakpointById(&self, id: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn GetBreakpointParameters(
        &self,
        count: u32,
        ids: *const u32,
        start: u32,
        parameters: *mut c_void,
    ) -> HRESULT;
    pub fn AddBreakpoint(&self, kind: u32, desired_id: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn RemoveBreakpoint(&self, breakpoint: *mut c_void) -> HRESULT;
    pub fn AddExtension(&self) -> HRESULT;
    pub fn RemoveExtension(&self) -> HRESULT;
    pub fn GetExtensionByPath(&self) -> HRESULT;
    pub fn CallExtension(&self) -> HRESULT;
    pub fn GetExtensionFunction(&self) -> HRESULT;
    pub fn GetWindbgExtensionApis32(&self) -> HRESULT;
    pub fn GetWindbgExtensionApis64(&self) -> HRESULT;
    pub fn GetNumberEventFilters(&self) -> HRESULT;
    pub fn GetEventFilterText(&self) -> HRESULT;
    pub fn GetEventFilterCommand(&self) -> HRESULT;
    pub fn SetEventFilterCommand(&self) -> HRESULT;
    pub fn GetSpecificFilterParameters(&self) -> HRESULT;
    pub fn SetSpecificFilterParameters(&self) -> HRESULT;
    pub fn GetSpecificFilterArgument(&self) -> HRESULT;
    pub fn SetSpecificFilterArgument(&self) -> HRESULT;
    pub fn GetExceptionFilterParameters(&self) -> HRESULT;
    pub fn SetExceptionFilterParameters(&self) -> HRESULT;
    pub fn GetExceptionFilterSecondCommand(&self) -> HRESULT;
    pub fn SetExceptionFilterSecondCommand(&self) -> HRESULT;
    pub fn WaitForEvent(&self, flags: u32, timeout: u32) -> HRESULT;
    pub fn GetLastEventInformation(
        &self,
        kind: *mut u32,
        process: *mut u32,
        thread: *mut u32,
        extra: *mut c_void,
        extra_size: u32,
        extra_used: *mut u32,
        description: *mut c_char,
        description_size: u32,
        description_used: *mut u32,
    ) -> HRESULT;
}

#[interface("d4366723-44df-4bed-8c7e-4c05424f4588")]
/// Slots 95 to 102.
pub unsafe trait IDebugControl2: IDebugControl {
    pub fn GetCurrentTimeDate(&self) -> HRESULT;
    pub fn GetCurrentSystemUpTime(&self) -> HRESULT;
    pub fn GetDumpFormatFlags(&self) -> HRESULT;
    pub fn GetNumberTextReplacements(&self) -> HRESULT;
    pub fn GetTextReplacement(&self) -> HRESULT;
    pub fn SetTextReplacement(&self) -> HRESULT;
    pub fn RemoveTextReplacements(&self) -> HRESULT;
    pub fn OutputTextReplacements(&self) -> HRESULT;
}

#[interface("7df74a86-b03f-407f-90ab-a20dadcead08")]
/// Slots 103 to 115.
pub unsafe trait IDebugControl3: IDebugControl2 {
    pub fn GetAssemblyOptions(&self) -> HRESULT;
    pub fn AddAssemblyOptions(&self) -> HRESULT;
    pub fn RemoveAssemblyOptions(&self) -> HRESULT;
    pub fn SetAssemblyOptions(&self) -> HRESULT;
    pub fn GetExpressionSyntax(&self) -> HRESULT;
    pub fn SetExpressionSyntax(&self) -> HRESULT;
    pub fn SetExpressionSyntaxByName(&self) -> HRESULT;
    pub fn GetNumberExpressionSyntaxes(&self) -> HRESULT;
    pub fn GetExpressionSyntaxNames(&self) -> HRESULT;
    pub fn GetNumberEvents(&self) -> HRESULT;
    pub fn GetEventIndexDescription(&self) -> HRESULT;
    pub fn GetCurrentEventIndex(&self) -> HRESULT;
    pub fn SetNextEventIndex(&self) -> HRESULT;
}

#[interface("94e60ce9-9b41-4b19-9fc0-6d9eb35272b3")]
/// Slots 116 to 168.
pub unsafe trait IDebugControl4: IDebugControl3 {
    pub fn GetLogFileWide(&self) -> HRESULT;
    pub fn OpenLogFileWide(&self) -> HRESULT;
    pub fn InputWide(&self) -> HRESULT;
    pub fn ReturnInputWide(&self) -> HRESULT;
    pub fn OutputWide(&self) -> HRESULT;
    pub fn OutputVaListWide(&self) -> HRESULT;
    pub fn ControlledOutputWide(&self) -> HRESULT;
    pub fn ControlledOutputVaListWide(&self) -> HRESULT;
    pub fn OutputPromptWide(&self) -> HRESULT;
    pub fn OutputPromptVaListWide(&self) -> HRESULT;
    pub fn GetPromptTextWide(&self) -> HRESULT;
    pub fn AssembleWide(&self) -> HRESULT;
    pub fn DisassembleWide(&self) -> HRESULT;
    pub fn GetProcessorTypeNamesWide(&self) -> HRESULT;
    pub fn GetTextMacroWide(&self) -> HRESULT;
    pub fn SetTextMacroWide(&self) -> HRESULT;
    pub fn EvaluateWide(
        &self,
        expression: *const u16,
        desired_type: u32,
        value: *mut c_void,
        remainder: *mut u32,
    ) -> HRESULT;
    pub fn ExecuteWide(&self, output_control: u32, command: *const u16, flags: u32) -> HRESULT;
    pub fn ExecuteCommandFileWide(&self) -> HRESULT;
    pub fn GetBreakpointByIndex2(&self) -> HRESULT;
    pub fn GetBreakpointById2(&self) -> HRESULT;
    pub fn AddBreakpoint2(&self) -> HRESULT;
    pub fn RemoveBreakpoint2(&self) -> HRESULT;
    pub fn AddExtensionWide(&self) -> HRESULT;
    pub fn GetExtensionByPathWide(&self) -> HRESULT;
    pub fn CallExtensionWide(&self) -> HRESULT;
    pub fn GetExtensionFunctionWide(&self) -> HRESULT;
    pub fn GetEventFilterTextWide(&self) -> HRESULT;
    pub fn GetEventFilterCommandWide(&self) -> HRESULT;
    pub fn SetEventFilterCommandWide(&self) -> HRESULT;
    pub fn GetSpecificFilterArgumentWide(&self) -> HRESULT;
    pub fn SetSpecificFilterArgumentWide(&self) -> HRESULT;
    pub fn GetExceptionFilterSecondCommandWide(&self) -> HRESULT;
    pub fn SetExceptionFilterSecondCommandWide(&self) -> HRESULT;
    pub fn GetLastEventInformationWide(&self) -> HRESULT;
    pub fn GetTextReplacementWide(&self) -> HRESULT;
    pub fn SetTextReplacementWide(&self) -> HRESULT;
    pub fn SetExpressionSyntaxByNameWide(&self) -> HRESULT;
    pub fn GetExpressionSyntaxNamesWide(&self) -> HRESULT;
    pub fn GetEventIndexDescriptionWide(&self) -> HRESULT;
    pub fn GetLogFile2(&self) -> HRESULT;
    pub fn OpenLogFile2(&self) -> HRESULT;
    pub fn GetLogFile2Wide(&self) -> HRESULT;
    pub fn OpenLogFile2Wide(&self) -> HRESULT;
    pub fn GetSystemVersionValues(&self) -> HRESULT;
    pub fn GetSystemVersionString(&self) -> HRESULT;
    pub fn GetSystemVersionStringWide(&self) -> HRESULT;
    pub fn GetContextStackTrace(&self) -> HRESULT;
    pub fn OutputContextStackTrace(&self) -> HRESULT;
    pub fn GetStoredEventInformation(&self) -> HRESULT;
    pub fn GetManagedStatus(&self) -> HRESULT;
    pub fn GetManagedStatusWide(&self) -> HRESULT;
    pub fn ResetManagedStatus(&self) -> HRESULT;
}

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
        let text = match unsafe { formatted(&self.shared, format, arguments) } {
            Ok(text) => text,
            Err(refusal) => return refusal,
        };
        // SAFETY: there is no pointer any more.
        unsafe { self.shared.call(Command::Output { mask, text }, &[]) }
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
        let text = match unsafe { formatted(&self.shared, format, arguments) } {
            Ok(text) => text,
            Err(refusal) => return refusal,
        };
        let command = Command::ControlledOutput { output_control, mask, text };
        // SAFETY: there is no pointer any more.
        unsafe { self.shared.call_for(self.listener(output_control), command, &[]) }
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
        // Without a format there is the prompt alone.
        let format = if format.is_null() { c"".as_ptr() } else { format };
        // SAFETY: a COM client vouches for its pointers.
        let text = match unsafe { formatted(&self.shared, format, arguments) } {
            Ok(text) => text,
            Err(refusal) => return refusal,
        };
        let command = Command::OutputPrompt { output_control, text };
        // SAFETY: there is no pointer any more.
        unsafe { self.shared.call_for(self.listener(output_control), command, &[]) }
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
        GetLogFileWide OpenLogFileWide InputWide ReturnInputWide OutputWide OutputVaListWide
        ControlledOutputWide ControlledOutputVaListWide OutputPromptWide OutputPromptVaListWide
        GetPromptTextWide AssembleWide DisassembleWide GetProcessorTypeNamesWide GetTextMacroWide
        SetTextMacroWide ExecuteCommandFileWide GetBreakpointByIndex2
        GetBreakpointById2 AddBreakpoint2 RemoveBreakpoint2 AddExtensionWide GetExtensionByPathWide
        CallExtensionWide GetExtensionFunctionWide GetEventFilterTextWide GetEventFilterCommandWide
        SetEventFilterCommandWide GetSpecificFilterArgumentWide SetSpecificFilterArgumentWide
        GetExceptionFilterSecondCommandWide SetExceptionFilterSecondCommandWide
        GetLastEventInformationWide GetTextReplacementWide SetTextReplacementWide
        SetExpressionSyntaxByNameWide GetExpressionSyntaxNamesWide GetEventIndexDescriptionWide
        GetLogFile2 OpenLogFile2 GetLogFile2Wide OpenLogFile2Wide GetSystemVersionValues
        GetSystemVersionString GetSystemVersionStringWide GetContextStackTrace OutputContextStackTrace
        GetStoredEventInformation GetManagedStatus GetManagedStatusWide ResetManagedStatus
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
