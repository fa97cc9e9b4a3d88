//! The interfaces of IDebugControl.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknown, interface};

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
    pub fn OutputWide(&self, mask: u32, format: *const u16) -> HRESULT;
    pub fn OutputVaListWide(&self, mask: u32, format: *const u16, arguments: *mut c_void) -> HRESULT;
    pub fn ControlledOutputWide(&self, output_control: u32, mask: u32, format: *const u16) -> HRESULT;
    pub fn ControlledOutputVaListWide(
        &self,
        output_control: u32,
        mask: u32,
        format: *const u16,
        arguments: *mut c_void,
    ) -> HRESULT;
    pub fn OutputPromptWide(&self, output_control: u32, format: *const u16) -> HRESULT;
    pub fn OutputPromptVaListWide(
        &self,
        output_control: u32,
        format: *const u16,
        arguments: *mut c_void,
    ) -> HRESULT;
    pub fn GetPromptTextWide(&self, buffer: *mut u16, size: u32, used: *mut u32) -> HRESULT;
    pub fn AssembleWide(&self) -> HRESULT;
    pub fn DisassembleWide(
        &self,
        offset: u64,
        flags: u32,
        buffer: *mut u16,
        size: u32,
        used: *mut u32,
        end: *mut u64,
    ) -> HRESULT;
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
    pub fn GetBreakpointByIndex2(&self, index: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn GetBreakpointById2(&self, id: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn AddBreakpoint2(&self, kind: u32, desired_id: u32, breakpoint: *mut *mut c_void) -> HRESULT;
    pub fn RemoveBreakpoint2(&self, breakpoint: *mut c_void) -> HRESULT;
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
