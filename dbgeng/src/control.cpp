// IDebugControl to IDebugControl4.
#include "breakpoint.h"
#include "extension.h"
#include "shapes.h"
#include <stdarg.h>
#include <stdio.h>

namespace {

// The longest text of one call of Output.
constexpr size_t LONGEST_TEXT = 16 << 10;

// Text in the form that the C library prints; DbgEng's own %ma, %mu, %N and %y are not known.
struct Printed {
    Printed(const char *format, va_list arguments) {
        text[0] = 0;
        if (format) _vsnprintf(text, sizeof text - 1, format, arguments);
        text[sizeof text - 1] = 0;
    }

    char text[LONGEST_TEXT];
};

HRESULT output_text(Face *self, ULONG mask, const char *format, va_list arguments) {
    if (!format) return E_INVALIDARG;
    return Call(self, 14).u32(mask).text(Printed(format, arguments).text).make();
}

HRESULT controlled_text(Face *self, ULONG output_control, ULONG mask, const char *format, va_list arguments) {
    if (!format) return E_INVALIDARG;
    Call call(self, 16);
    // DEBUG_OUTCTL_THIS_CLIENT is 0 among the low three bits.
    if ((output_control & 7) == 0) call.only_here();
    return call.u32(output_control).u32(mask).text(Printed(format, arguments).text).make();
}

HRESULT output(Face *self, ULONG mask, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    HRESULT result = output_text(self, mask, format, arguments);
    va_end(arguments);
    return result;
}

HRESULT controlled_output(Face *self, ULONG output_control, ULONG mask, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    HRESULT result = controlled_text(self, output_control, mask, format, arguments);
    va_end(arguments);
    return result;
}

HRESULT prompt_text(Face *self, ULONG output_control, const char *format, va_list arguments) {
    Call call(self, 18);
    if ((output_control & 7) == 0) call.only_here();
    return call.u32(output_control).text(Printed(format, arguments).text).make();
}

HRESULT output_prompt(Face *self, ULONG output_control, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    HRESULT result = prompt_text(self, output_control, format, arguments);
    va_end(arguments);
    return result;
}

HRESULT get_prompt(Face *self, char *buffer, ULONG size, ULONG *used) {
    return Call(self, 20).room(buffer, size).out(used).make();
}

HRESULT get_prompt_wide(Face *self, wchar_t *buffer, ULONG size, ULONG *used) {
    return Call(self, 126).wide_room(buffer, size).out(used).make();
}

HRESULT disassemble_wide(Face *self, ULONG64 offset, ULONG flags, wchar_t *buffer, ULONG size, ULONG *used,
                         ULONG64 *end) {
    return Call(self, 128).u64(offset).u32(flags).wide_room(buffer, size).out(used).must(end).make();
}

HRESULT disassemble(Face *self, ULONG64 offset, ULONG flags, char *buffer, ULONG size, ULONG *used, ULONG64 *end) {
    return Call(self, 26).u64(offset).u32(flags).room(buffer, size).out(used).must(end).make();
}

// Narrow and wide text alike.
template <typename Character>
HRESULT evaluate(Face *self, const Character *expression, ULONG type, DEBUG_VALUE *value, ULONG *remainder) {
    Call call(self, 63);
    call.text(expression).u32(type).flag(remainder != nullptr);
    return call.must_bytes(value, sizeof *value).out(remainder).make();
}

template <typename Character>
HRESULT execute(Face *self, ULONG output_control, const Character *command, ULONG flags) {
    Call call(self, 66);
    if ((output_control & 7) == 0) call.only_here();
    return call.u32(output_control).text(command).u32(flags).make();
}

HRESULT stack_trace(Face *self, ULONG64 frame, ULONG64 stack, ULONG64 instruction, DEBUG_STACK_FRAME *frames,
                    ULONG size, ULONG *filled) {
    Call call(self, 31);
    call.u64(frame).u64(stack).u64(instruction).promise(frames, size);
    return call.array(frames, size, sizeof *frames).out(filled).make();
}

HRESULT debuggee_type(Face *self, ULONG *kind, ULONG *qualifier) { return Call(self, 34).must(kind).must(qualifier).make(); }

// The machine's own time.
ULONG64 milliseconds(Face *self) {
    Face session = {nullptr, Interface::Session, self->client};
    ULONG64 instructions = 0, nanoseconds = 0;
    Call(&session, 3).must(&instructions).must(&nanoseconds).make();
    return nanoseconds / 1000000;
}

// An event after which the callbacks want the target to go on is none.
HRESULT wait_for_event(Face *self, ULONG flags, ULONG timeout) {
    ULONG64 began = timeout == INFINITE ? 0 : milliseconds(self);
    ULONG64 left = timeout;
    for (;;) {
        Call call(self, 93);
        HRESULT result = call.u32(flags).u32(static_cast<ULONG>(left)).make();
        if (!call.resumed()) return result;
        if (FAILED(Call(self, 50).u32(call.resumed()).make())) return result;
        if (timeout == INFINITE) continue;
        ULONG64 gone = milliseconds(self) - began;
        left = gone < timeout ? timeout - gone : 0;
    }
}

// A call that answers with a breakpoint.
HRESULT breakpoint_of(Face *self, Call &call, bool added, IDebugBreakpoint **breakpoint) {
    if (!breakpoint) return E_INVALIDARG;
    ULONG64 handle = 0;
    HRESULT result = call.must(&handle).make();
    Breakpoint *found = FAILED(result) ? nullptr : Breakpoint::of(self->client->link, handle, added ? self->client : nullptr);
    *breakpoint = reinterpret_cast<IDebugBreakpoint *>(found);
    return SUCCEEDED(result) && !found ? E_OUTOFMEMORY : result;
}

template <unsigned Slot> HRESULT find_breakpoint(Face *self, ULONG key, IDebugBreakpoint **breakpoint) {
    Call call(self, Slot);
    return breakpoint_of(self, call.u32(key), false, breakpoint);
}

HRESULT add_breakpoint(Face *self, ULONG kind, ULONG desired, IDebugBreakpoint **breakpoint) {
    Call call(self, 72);
    return breakpoint_of(self, call.u32(kind).u32(desired), true, breakpoint);
}

HRESULT remove_breakpoint(Face *self, IDebugBreakpoint *breakpoint) {
    Breakpoint *known = Breakpoint::known(breakpoint);
    if (!known || known->session != self->client->link->serial) return E_INVALIDARG;
    return Call(self, 73).u64(known->handle).make();
}

HRESULT breakpoint_parameters(Face *self, ULONG count, ULONG *ids, ULONG start,
                              DEBUG_BREAKPOINT_PARAMETERS *parameters) {
    if (!parameters) return E_INVALIDARG;
    Call call(self, 71);
    call.u32(count).elements(ids, count, sizeof *ids).u32(start);
    return call.array(parameters, count, sizeof *parameters).make();
}

HRESULT last_event(Face *self, ULONG *type, ULONG *process, ULONG *thread, void *extra, ULONG extra_room,
                   ULONG *extra_used, char *description, ULONG description_room, ULONG *description_used) {
    // The wire has both sizes first, then all that comes back.
    Call call(self, 94);
    call.promise(extra, extra_room).promise(description, description_room);
    call.must(type).must(process).must(thread).array(extra, extra_room, 1).out(extra_used);
    return call.array(description, description_room, 1).out(description_used).make();
}

} // namespace

const Vtable CONTROL_METHODS = {
    at(3, plain<3>),              // GetInterrupt
    at(4, set32<4>),              // SetInterrupt
    {14, reinterpret_cast<const void *>(output)},            // Output
    at(15, output_text),          // OutputVaList
    {16, reinterpret_cast<const void *>(controlled_output)}, // ControlledOutput
    at(17, controlled_text),      // ControlledOutputVaList
    {18, reinterpret_cast<const void *>(output_prompt)},     // OutputPrompt
    at(19, prompt_text),          // OutputPromptVaList
    at(20, get_prompt),           // GetPromptText
    at(26, disassemble),          // Disassemble
    at(31, stack_trace),          // GetStackTrace
    at(32, get64<32>),            // GetReturnOffset
    at(34, debuggee_type),        // GetDebuggeeType
    at(35, get32<35>),            // GetActualProcessorType
    at(36, get32<36>),            // GetExecutingProcessorType
    at(39, get32<39>),            // GetNumberProcessors
    at(41, get32<41>),            // GetPageSize
    at(42, plain<42>),            // IsPointer64Bit
    at(47, get32<47>),            // GetEffectiveProcessorType
    at(48, set32<48>),            // SetEffectiveProcessorType
    at(49, get32<49>),            // GetExecutionStatus
    at(50, set32<50>),            // SetExecutionStatus
    at(53, get32<53>),            // GetEngineOptions
    at(54, set32<54>),            // AddEngineOptions
    at(55, set32<55>),            // RemoveEngineOptions
    at(56, set32<56>),            // SetEngineOptions
    at(61, get32<61>),            // GetRadix
    at(62, set32<62>),            // SetRadix
    at(63, evaluate<char>),       // Evaluate
    at(66, execute<char>),        // Execute
    at(68, get32<68>),            // GetNumberBreakpoints
    at(69, find_breakpoint<69>),  // GetBreakpointByIndex
    at(70, find_breakpoint<70>),  // GetBreakpointById
    at(71, breakpoint_parameters), // GetBreakpointParameters
    at(72, add_breakpoint),       // AddBreakpoint
    at(73, remove_breakpoint),    // RemoveBreakpoint
    at(74, add_extension),        // AddExtension
    at(75, remove_extension),     // RemoveExtension
    at(76, extension_by_path),    // GetExtensionByPath
    at(77, call_extension),       // CallExtension
    at(78, extension_function),   // GetExtensionFunction
    at(93, wait_for_event),       // WaitForEvent
    at(94, last_event),           // GetLastEventInformation
    at(126, get_prompt_wide),     // GetPromptTextWide
    at(128, disassemble_wide),    // DisassembleWide
    at(132, evaluate<wchar_t>),   // EvaluateWide
    at(133, execute<wchar_t>),    // ExecuteWide
    at(135, find_breakpoint<69>), // GetBreakpointByIndex2
    at(136, find_breakpoint<70>), // GetBreakpointById2
    at(137, add_breakpoint),      // AddBreakpoint2
    at(138, remove_breakpoint),   // RemoveBreakpoint2
};
