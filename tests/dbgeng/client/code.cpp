// Writes over code that the processor has run: the guest executes the new bytes.
#include "target.h"

static void set_register(Target &target, const char *name, ULONG64 number) {
    ULONG index = 0;
    DEBUG_VALUE value = {};
    value.I64 = number;
    value.Type = DEBUG_VALUE_INT64;
    need(name, target.registers->GetIndexByName(name, &index));
    gives(name, target.registers->SetValue(index, &value), S_OK);
}

static void set_privileged(Target &target, const char *name, ULONG64 number) {
    ULONG index = 0;
    need(name, target.registers->GetIndexByName(name, &index));
    DEBUG_VALUE value = {};
    need(name, target.registers->GetValue(index, &value));
    value.I64 = number;
    gives(name, target.registers->SetValue(index, &value), S_OK);
}

// Leaves a halted processor behind, which no new address would wake: steps until the instruction
// before the next one is no HLT.
static void wake(Target &target) {
    BYTE before = 0xf4;
    while (before == 0xf4) {
        ULONG64 rip = 0;
        need("SetExecutionStatus(STEP_INTO)", target.control->SetExecutionStatus(5));
        need("WaitForEvent", target.control->WaitForEvent(0, INFINITE));
        need("GetInstructionOffset", target.registers->GetInstructionOffset(&rip));
        need("ReadVirtual", target.spaces->ReadVirtual(rip - 1, &before, 1, nullptr));
    }
}

void test_code(Target &target) {
    // incq counter(%rip); jmp back. The counter lies 0x100 behind the code.
    BYTE code[] = {0x48, 0xff, 0x05, 0xf9, 0x00, 0x00, 0x00, 0xeb, 0xf7};
    constexpr ULONG64 PLACE = 0x400, COUNTER = PLACE + 0x100;
    need("WritePhysical", target.spaces->WritePhysical(DATA + PLACE, code, sizeof code, nullptr));
    target.put64(DATA + COUNTER, 0);
    wake(target);
    // The guest's own tables, stack and interrupts are not needed any more.
    set_privileged(target, "efl", 2);
    set_privileged(target, "cr3", ROOT);
    set_register(target, "rip", VIRTUAL + PLACE);
    target.run(1);
    ULONG64 up = target.get64(DATA + COUNTER);
    is_true("the loop counts up", up > 1000);
    same("code that ran has its accessed bit", target.get64(TABLE) & 0x20, 0x20);
    // decq in place of incq, by physical address.
    BYTE decrement = 0x0d;
    ULONG count = 0;
    moves("WritePhysical over code", target.spaces->WritePhysical(DATA + PLACE + 2, &decrement, 1, &count), S_OK, count, 1);
    target.run(1);
    ULONG64 down = target.get64(DATA + COUNTER);
    is_true("the loop counts down", down < up);
    // And by virtual address: incq again.
    BYTE increment = 0x05;
    moves("WriteVirtual over code", target.spaces->WriteVirtual(VIRTUAL + PLACE + 2, &increment, 1, &count), S_OK, count, 1);
    target.run(1);
    is_true("the loop counts up again", target.get64(DATA + COUNTER) > down);
}
