//! The five writes, judged by the guest: what it prints, counts and reads back afterwards.

mod support;

use std::ops::Range;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction};
use ringhold::Stop;
use ringhold::debugapi::spaces::slot_number;
use ringhold::debugapi::{Completion, Context, Error, HResult, Location};
use ringhold::emulator::inject::{Receipt, Register};
use support::{Session, kernel_code, program, symbol, symbol_of};

/// Where the kernel maps all RAM.
const DIRECT: u64 = 0xffff_8000_0000_0000;
/// The educational device's registers, where firmware put them.
const EDU: u64 = 0xfdf0_0000;
const EDU_ID: u32 = 0x0100_00ed;
/// Bits of EFER: system calls, long mode, no-execute.
const EFER: u32 = 0xc000_0080;
const EFER_SCE: u64 = 1;
/// The timer's bit in the mask of the first interrupt controller.
const MASK: u16 = 0x21;
const TIMER: u8 = 1;

/// Offsets in a task and in the kernel log (see the kernel's README).
const TASK_PID: u64 = 16;
const TASK_NAME: u64 = 24;
const TASK_CR3: u64 = 40;
const LOG_LAST: u64 = 16;
const LOG_RECORDS: u64 = 24;
const RECORD_SIZE: u64 = 128;
const RECORD_TEXT: u64 = 24;

fn says(receipt: &Receipt, parts: &[&str]) {
    let text = receipt.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

fn read_u64(session: &mut Session, address: u64) -> u64 {
    let mut bytes = [0; 8];
    assert_eq!(session.machine.data_spaces().read_virtual(address, &mut bytes).unwrap().count, 8);
    u64::from_le_bytes(bytes)
}

/// The task structure of a task, found by walking the kernel's list.
fn task(session: &mut Session, pid: u64) -> u64 {
    let head = symbol("TASK_LIST").address;
    let mut at = read_u64(session, head);
    while at != head {
        if read_u64(session, at + TASK_PID) & 0xffff_ffff == pid {
            return at;
        }
        at = read_u64(session, at);
    }
    panic!("there is no task {pid}");
}

/// The text of the last line of the kernel log.
fn last_log_text(session: &mut Session) -> u64 {
    let log = symbol("KERNEL_LOG").address;
    let last = read_u64(session, log + LOG_LAST);
    log + LOG_RECORDS + (last - 1) % 128 * RECORD_SIZE + RECORD_TEXT
}

fn ticks(session: &mut Session) -> u64 {
    session.command("ticks").parse().unwrap()
}

/// The first instruction of the kernel's code for which `wanted` holds.
fn find_code(session: &mut Session, range: Range<u64>, wanted: impl Fn(&Instruction) -> bool) -> Instruction {
    let mut code = vec![0; (range.end - range.start) as usize];
    let read = session.machine.data_spaces().read_virtual(range.start, &mut code).unwrap().count;
    let mut decoder = Decoder::with_ip(64, &code[..read], range.start, DecoderOptions::NONE);
    decoder.iter().find(|instruction| wanted(instruction)).expect("the kernel has such an instruction")
}

/// A session with the program `spin` on the processor, at the address given back.
fn spinning() -> (Session, u64) {
    let mut session = Session::at_prompt();
    assert_eq!(session.command("spawn spin"), "task 5");
    let rip = session.in_user_code(symbol_of(program("spin"), "main").range());
    (session, rip)
}

// --- WriteVirtual ------------------------------------------------------------------------------

#[test]
fn a_kernel_variable_is_what_the_kernel_prints() {
    let mut session = Session::at_prompt();
    let name = task(&mut session, 4) + TASK_NAME;
    let mut spaces = session.machine.data_spaces();
    let done = spaces.write_virtual(name, b"renamed\0").unwrap();
    assert_eq!(done.count, 8);
    says(
        done.receipt,
        &[
            "the debugger wrote 8 bytes",
            &format!("at virtual address {name:#x}"),
            "4-level paging",
            "RAM took",
        ],
    );
    let said = session.command("ps");
    assert!(said.contains("  4 renamed         0 running") && !said.contains("shell"), "{said}");

    let text = last_log_text(&mut session);
    session.machine.data_spaces().write_virtual(text, b"Debug").unwrap();
    let said = session.command("log 1");
    assert!(said.contains("] ") && said.contains(" Debug"), "{said}");
}

#[test]
fn a_count_of_the_kernel_goes_on_from_what_is_written() {
    let mut session = Session::at_prompt();
    let address = symbol("TICKS").address;
    session.machine.data_spaces().write_virtual(address, &1_000_000u64.to_le_bytes()).unwrap();
    let now = ticks(&mut session);
    assert!((1_000_000..1_000_010).contains(&now), "{now}");
}

#[test]
fn a_program_s_variable_is_reached_by_its_page_tables() {
    let mut session = Session::at_prompt();
    let counter = task(&mut session, 3);
    let root = read_u64(&mut session, counter + TASK_CR3);
    let count = symbol_of(program("counter"), "COUNT").address;
    // The shell's page tables do not lead there, those of the program do.
    let mut spaces = session.machine.data_spaces();
    let error = spaces.write_virtual(count, &[7; 8]).unwrap_err();
    assert_eq!(error.hresult(), HResult::WRITE_FAULT, "{error}");
    spaces.set_context(Context { cpu: 0, root: Some(root) });
    let done = spaces.write_virtual(count, &7u64.to_le_bytes()).unwrap();
    says(done.receipt, &[&format!("tables at {root:#x}"), "user", "RAM took 8 bytes"]);
    // It counts in a floating-point register, too, and finds that the two have parted.
    session.command("wait 5");
    let said = session.command("log 8");
    assert!(said.contains("the counters parted: ") && said.contains(" and 107"), "{said}");
}

#[test]
fn code_that_runs_is_changed_under_it() {
    let (mut session, rip) = spinning();
    let said = session.command("wait 3");
    assert_eq!(said, "");
    let rip = session.in_user_code(rip..rip + 1);
    // ud2 in place of an instruction that has run a hundred thousand times.
    let mut spaces = session.machine.data_spaces();
    let done = spaces.write_virtual(rip, &[0x0f, 0x0b]).unwrap();
    says(done.receipt, &["(0f 0b)", &format!("at virtual address {rip:#x}"), "RAM took 2 bytes"]);
    let before = session.machine.instructions();
    assert_eq!(session.machine.run_for(1), Stop::Budget);
    assert_eq!((session.machine.cpu(0).cpl, session.machine.instructions()), (0, before + 1));
    let said = session.command("wait 2");
    assert!(said.contains("task 5 (spin) killed: #UD invalid opcode"), "{said}");
    assert!(said.contains(&format!("rip {rip:016x}")), "{said}");
}

#[test]
fn hot_kernel_code_is_changed_behind_its_protection() {
    let mut session = Session::at_prompt();
    session.command("wait 5");
    let target = symbol("TICKS").address;
    // The tick handler's store of the new count.
    let store = find_code(&mut session, kernel_code(), |instruction| {
        let writes = [Code::Mov_rm64_r64, Code::Inc_rm64, Code::Add_rm64_imm8];
        instruction.is_ip_rel_memory_operand()
            && instruction.ip_rel_memory_address() == target
            && writes.contains(&instruction.code())
    });
    let mut old = vec![0; store.len()];
    let mut spaces = session.machine.data_spaces();
    spaces.read_virtual(store.ip(), &mut old).unwrap();
    let done = spaces.write_virtual(store.ip(), &vec![0x90; store.len()]).unwrap();
    // Present and not writable: the debugger may all the same.
    says(done.receipt, &["the PTE at ", "(present accessed", "RAM took"]);
    let stopped = ticks(&mut session);
    session.command("ps");
    assert_eq!(ticks(&mut session), stopped);
    session.machine.data_spaces().write_virtual(store.ip(), &old).unwrap();
    session.command("wait 2");
    assert!(ticks(&mut session) >= stopped + 2);
}

// --- WritePhysical -----------------------------------------------------------------------------

#[test]
fn physical_memory_is_the_memory_behind_the_pages() {
    let mut session = Session::at_prompt();
    let text = last_log_text(&mut session);
    let mut spaces = session.machine.data_spaces();
    let physical = spaces.virtual_to_physical(text).unwrap();
    let done = spaces.write_physical(physical, b"PHYS:").unwrap();
    says(done.receipt, &[&format!("at physical address {physical:#x}"), "RAM took 5 bytes"]);
    let said = session.command("log 1");
    assert!(said.contains(" PHYS:"), "{said}");

    session.machine.data_spaces().write_physical(0x90_0000, b"by physical address").unwrap();
    let said = session.command(&format!("peek {:#x} 19", DIRECT + 0x90_0000));
    assert!(said.contains("by physical addr") && said.contains(" 65 73 73 "), "{said}");
}

#[test]
fn code_is_changed_by_its_physical_address() {
    let (mut session, rip) = spinning();
    let mut spaces = session.machine.data_spaces();
    let physical = spaces.virtual_to_physical(rip).unwrap();
    // hlt, which ring 3 may not execute
    spaces.write_physical(physical, &[0xf4]).unwrap();
    let said = session.command("wait 2");
    assert!(said.contains("task 5 (spin) killed: #GP general protection"), "{said}");
    assert!(said.contains(&format!("rip {rip:016x}")), "{said}");
}

#[test]
fn a_device_window_is_a_device_access() {
    let mut session = Session::at_prompt();
    let mut spaces = session.machine.data_spaces();
    let done = spaces.write_physical(EDU + 4, &0x0f0f_1234u32.to_le_bytes()).unwrap();
    says(done.receipt, &["Register LIVENESS of device edu took a 32-bit access", "0xfdf00004"]);
    let mut answer = [0; 4];
    spaces.read_physical(EDU + 4, &mut answer).unwrap();
    assert_eq!(u32::from_le_bytes(answer), !0x0f0f_1234);
    // Raises an interrupt, which the guest's driver acknowledges.
    spaces.write_physical(EDU + 0x60, &0x40u32.to_le_bytes()).unwrap();
    spaces.read_physical(EDU + 0x24, &mut answer).unwrap();
    assert_eq!(u32::from_le_bytes(answer), 0x40);
    session.command("wait 1");
    session.machine.data_spaces().read_physical(EDU + 0x24, &mut answer).unwrap();
    assert_eq!(u32::from_le_bytes(answer), 0);
    // Orders a fault in the middle of the driver's next transfer.
    let mut spaces = session.machine.data_spaces();
    let done = spaces.write_physical(EDU + 0xb0, &1025u64.to_le_bytes()).unwrap();
    says(done.receipt, &["Register FAULT_AFTER of device edu took a 64-bit access"]);
    let said = session.command("edu");
    assert!(said.contains("factorial") && said.contains("the data that came back is wrong"), "{said}");
    let said = session.command("edu");
    assert!(said.contains("edu: passed"), "{said}");
}

// --- WriteIo -----------------------------------------------------------------------------------

#[test]
fn a_byte_for_the_transmitter_leaves_on_the_line() {
    let mut session = Session::at_prompt();
    for byte in *b"<hi>" {
        let mut spaces = session.machine.data_spaces();
        let done = spaces.write_io(1, 0, 1, 0x3f8, &[byte]).unwrap();
        let value = format!("{byte:#x}");
        says(done.receipt, &["at port 0x3f8", "Register THR of device com1 took", &value, "8-bit access"]);
        // A character takes 86.8 microseconds at 115200 baud.
        session.machine.run_for(10_000);
    }
    assert_eq!(session.until("<hi>"), "");
}

#[test]
fn a_masked_timer_ticks_no_more() {
    let mut session = Session::at_prompt();
    let mut old = [0];
    let mut spaces = session.machine.data_spaces();
    spaces.read_io(1, 0, 1, MASK.into(), &mut old).unwrap();
    let done = spaces.write_io(1, 0, 1, MASK.into(), &[old[0] | TIMER]).unwrap();
    says(done.receipt, &["at port 0x21", "of device pic took 0xeb"]);
    assert_eq!(session.command("inb 0x21"), "0xeb");
    let stopped = ticks(&mut session);
    let ns = session.machine.virtual_ns();
    session.command("help");
    assert!(session.machine.virtual_ns() - ns > 50_000_000);
    assert_eq!(ticks(&mut session), stopped);
    session.machine.data_spaces().write_io(1, 0, 1, MASK.into(), &old).unwrap();
    session.command("wait 3");
    assert!(ticks(&mut session) >= stopped + 3);
}

// --- WriteBusData ------------------------------------------------------------------------------

#[test]
fn a_moved_window_answers_at_its_new_place_only() {
    const NEW: u32 = 0xe000_0000;
    let mut session = Session::at_prompt();
    let slot = slot_number(4, 0);
    let mut id = [0; 4];
    let mut spaces = session.machine.data_spaces();
    spaces.read_physical(EDU, &mut id).unwrap();
    assert_eq!(u32::from_le_bytes(id), EDU_ID);
    let done = spaces.write_bus_data(4, 0, slot, 0x10, &NEW.to_le_bytes()).unwrap();
    says(
        done.receipt,
        &["at offset 0x10 of the configuration space of 00:04.0", "it held 0xfdf00000", "0xe0000000 now"],
    );
    let mut id = [0; 4];
    spaces.read_physical(NEW.into(), &mut id).unwrap();
    assert_eq!(u32::from_le_bytes(id), EDU_ID);
    let error = spaces.read_physical(EDU, &mut id).unwrap_err();
    assert_eq!(error.hresult(), HResult::READ_FAULT);
    // The guest sees the new base, and its driver, at the old one, nobody.
    session.command("outl 0xcf8 0x80002010");
    assert_eq!(session.command("inl 0xcfc"), "0xe0000000");
    let said = session.command("edu");
    assert!(said.contains("identification 0xffffffff") && said.contains("liveness is wrong"), "{said}");
    session.machine.data_spaces().write_bus_data(4, 0, slot, 0x10, &(EDU as u32).to_le_bytes()).unwrap();
    assert!(session.command("edu").contains("edu: passed"));
}

// --- WriteBytes --------------------------------------------------------------------------------

/// Writes by location; all of it must land, and the receipt must say `parts`.
fn write_bytes(session: &mut Session, location: Location, bytes: &[u8], parts: &[&str]) {
    let mut spaces = session.machine.data_spaces();
    let mut memory = spaces.host_memory();
    let (completion, receipt) = memory.write_bytes(None, location, bytes).unwrap();
    assert_eq!(completion, Completion::All);
    says(receipt.unwrap(), parts);
}

#[test]
fn locations_lead_to_memory() {
    let mut session = Session::at_prompt();
    let text = last_log_text(&mut session);
    write_bytes(&mut session, Location::virtual_address(text), b"VIRT", &["at virtual address 0xffffffff8"]);
    assert!(session.command("log 1").contains(" VIRT"));
    let physical = session.machine.data_spaces().virtual_to_physical(text).unwrap();
    write_bytes(&mut session, Location::physical(physical), b"PHYS", &["at physical address 0x1"]);
    assert!(session.command("log 1").contains(" PHYS"));
}

#[test]
fn a_location_with_a_hole_is_written_up_to_it() {
    let mut session = Session::at_prompt();
    // The last bytes below a guard page.
    let end = symbol("TICKS").address & !0xfff;
    let mut spaces = session.machine.data_spaces();
    let hole = (1..64).map(|n| end + n * 0x1000).find(|at| spaces.virtual_to_physical(*at).is_err()).unwrap();
    let location = Location::virtual_address(hole - 2);
    let mut memory = spaces.host_memory();
    let (completion, receipt) = memory.write_bytes(None, location, b"abcd").unwrap();
    assert_eq!((completion, completion.hresult()), (Completion::Partial(2), HResult::FALSE));
    says(receipt.unwrap(), &["the first 2 of 4 bytes", "is not present"]);
    let error = spaces.host_memory().write_bytes(None, Location::virtual_address(hole), b"x").unwrap_err();
    assert!(matches!(error, Error::NothingWritten(_)), "{error}");
    let said = session.command(&format!("peek {:#x} 2", hole - 2));
    assert!(said.ends_with("  ab") && said.contains(" 61 62"), "{said}");
}

#[test]
fn locations_lead_to_registers() {
    let (mut session, rip) = spinning();
    let register = |name| Location::register(0, Register::named(name).unwrap());
    write_bytes(
        &mut session,
        register("r15"),
        &0x1122_3344_5566_7788u64.to_le_bytes(),
        &["in register r15 of processor 0", "holds 0x1122334455667788 now"],
    );
    write_bytes(&mut session, register("eax"), &[0xaa, 0xbb, 0xcc, 0xdd], &["in register eax"]);
    let held = format!("It held {rip:#018x} and holds 0x00000000007f0000 now");
    write_bytes(&mut session, register("rip"), &0x7f_0000u64.to_le_bytes(), &["in register rip", &held]);
    let said = session.command("wait 2");
    assert!(said.contains("task 5 (spin) killed: #PF page fault"), "{said}");
    assert!(said.contains("at cr2 0x00000000007f0000: user instruction fetch, page not present"), "{said}");
    assert!(said.contains("rip 00000000007f0000") && said.contains("r15 1122334455667788"), "{said}");
    assert!(said.contains("ddccbbaa  rbx"), "{said}");
}

#[test]
fn locations_lead_to_ports_and_configuration_space() {
    let mut session = Session::at_prompt();
    write_bytes(&mut session, Location::port(MASK), &[0xeb], &["at port 0x21", "device pic"]);
    assert_eq!(session.command("inb 0x21"), "0xeb");
    write_bytes(&mut session, Location::port(MASK), &[0xea], &["device pic took 0xea"]);
    // The interrupt line register is a note of firmware's, with no effect of its own.
    let line = Location::config(0, slot_number(4, 0) as u8, 0x3c);
    write_bytes(
        &mut session,
        line,
        &[0x55],
        &["of the configuration space of 00:04.0", "it held 0xb", "0x55 now"],
    );
    session.command("outl 0xcf8 0x8000203c");
    assert_eq!(session.command("inb 0xcfc"), "0x55");
}

#[test]
fn locations_lead_to_model_specific_registers() {
    let mut session = Session::at_prompt();
    let (efer, _) = session.machine.data_spaces().read_msr(EFER).unwrap();
    assert_eq!(efer & EFER_SCE, EFER_SCE);
    // One byte of the eight: the one with the bit that allows SYSCALL.
    let parts = ["at MSR 0xc0000080 of processor 0", "It held 0xd01 and holds 0xd00 now"];
    write_bytes(&mut session, Location::msr(0, EFER), &[efer as u8 & !1], &parts);
    // The kernel returns to the next program by SYSRET, which there is no more.
    let (stop, said) = session.last_command("wait 5");
    assert_eq!(stop, Stop::Exit(3), "{said}");
    assert!(said.contains("KERNEL PANIC in task 3 (counter): #UD invalid opcode"), "{said}");
    let rip = u64::from_str_radix(&said.split("rip ").nth(1).unwrap()[..16], 16).unwrap();
    let at = find_code(&mut session, kernel_code(), |instruction| instruction.ip() == rip);
    assert_eq!(at.code(), Code::Sysretq);
}
