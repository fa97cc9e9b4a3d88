// A DbgEng client that knows nothing of Ringhold but where it stands: it calls every method of
// the data spaces and of the host memory, at every edge that the contract names, on a machine
// that runs the teaching kernel.
#include "target.h"

void test_virtual(Target &target);
void test_physical(Target &target);
void test_io(Target &target);
void test_bus_data(Target &target);
void test_host_memory(Target &target);
void test_identity(Target &target);
void test_properties(Target &target);
void test_registers(Target &target);
void test_callbacks(Target &target);
void test_running(Target &target);
void test_interrupt(Target &target);
void test_code(Target &target);
void test_votes(Target &target);

static void attach(Target &target) {
    ULONG status = 0, count = 77;
    BYTE byte = 0;
    moves("GetExecutionStatus without a target", target.control->GetExecutionStatus(&status), S_OK, status, 7);
    moves("ReadPhysical without a target", target.spaces->ReadPhysical(DATA, &byte, 1, &count), E_UNEXPECTED, count, 0);
    gives("AttachKernel", target.client->AttachKernel(0, ""), S_OK);
    gives("WaitForEvent for the target", target.control->WaitForEvent(0, INFINITE), S_OK);
    gives("AttachKernel again", target.client->AttachKernel(0, ""), E_UNEXPECTED);
}

// The serial line sends what is written to its port.
static void say(Target &target) {
    for (const char *at = "from Wine"; *at; at++) {
        char byte = *at;
        gives("WriteIo to the serial line", target.spaces->WriteIo(1, 0, 1, 0x3f8, &byte, 1, nullptr), S_OK);
        target.run(2);
    }
}

int main() {
    Target target;
    target.open();
    attach(target);
    // The kernel sets the machine up.
    target.run(200);
    say(target);
    target.make_tables();
    test_identity(target);
    test_properties(target);
    test_registers(target);
    test_virtual(target);
    test_physical(target);
    test_io(target);
    test_bus_data(target);
    test_host_memory(target);
    test_callbacks(target);
    test_running(target);
    test_interrupt(target);
    test_code(target);
    test_votes(target);
    gives("EndSession", target.client->EndSession(0), S_OK);
    target.close();
    return verdict("client");
}
