//! The runner proper.

use std::arch::asm;
use std::io::{Read, Write};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_int, c_void, siginfo_t, ucontext_t};
use ringhold_oracle::case::{
    Case, FLAGS, FX_BYTES, HIGH_BYTES, Mode, Outcome, Reader, State, apply, changes,
};
use ringhold_oracle::layout::{
    CODE, CODE_BYTES, DATA, DATA_BYTES, FS_BASE, PAGE, READ_ONLY, REGION, REGION_BYTES, background, base,
};

use crate::segments::{self, Segments};

/// The registers of a signal context, in the order of [`State::gpr`].
const ORDER: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];
/// The vector of the breakpoint exception.
const BREAKPOINT: i64 = 3;
/// The vector of the page fault, and the bit of its error code that tells of a fetch.
const PAGE_FAULT: i64 = 14;
const FETCH: u32 = 1 << 4;
/// INT3
const INT3: u8 = 0xcc;
/// MXCSR_MASK in the FXSAVE image: the kernel's business.
const MASK: std::ops::Range<usize> = 28..32;
/// A case takes microseconds; a batch that takes this many seconds hangs, and the alarm ends it.
const PATIENCE: u32 = 20;

/// A batch, while it runs.
struct Batch {
    cases: Vec<Case>,
    /// The case that runs, if one does.
    current: Option<usize>,
    outcomes: Vec<Outcome>,
    /// The runner's own state.
    origin: State,
    background: Vec<u8>,
    /// What the writable pages held when the current case began.
    before: Vec<u8>,
}

/// The batch that the signal handler works on.
static BATCH: AtomicPtr<Batch> = AtomicPtr::new(ptr::null_mut());

/// Serves batches until the input ends.
pub fn serve() -> std::io::Result<()> {
    map()?;
    segments::install()?;
    install_handlers()?;
    let mut batch = Box::new(Batch {
        cases: Vec::new(),
        current: None,
        outcomes: Vec::new(),
        origin: State::default(),
        background: background(),
        before: Vec::new(),
    });
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut length = [0; 8];
    while input.read_exact(&mut length).is_ok() {
        let mut message = vec![0; u64::from_le_bytes(length) as usize];
        input.read_exact(&mut message)?;
        let mut reader = Reader(&message);
        batch.cases.clear();
        batch.outcomes.clear();
        while !reader.is_empty() {
            batch.cases.push(Case::get(&mut reader).map_err(std::io::Error::other)?);
        }
        run(&mut batch);
        let mut reply = Vec::new();
        for outcome in &batch.outcomes {
            outcome.put(&mut reply);
        }
        output.write_all(&(reply.len() as u64).to_le_bytes())?;
        output.write_all(&reply)?;
        output.flush()?;
    }
    Ok(())
}

fn run(batch: &mut Batch) {
    if batch.cases.is_empty() {
        return;
    }
    BATCH.store(batch, Ordering::SeqCst);
    // SAFETY: the handler saves this context, runs every case in its place, and returns here
    // with all registers as they were. `batch` is not touched here meanwhile: the assembly is
    // taken to read and write memory.
    unsafe {
        libc::alarm(PATIENCE);
        asm!("int3");
        libc::alarm(0);
    }
    BATCH.store(ptr::null_mut(), Ordering::SeqCst);
}

fn check(result: c_int) -> std::io::Result<()> {
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn map() -> std::io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE;
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    let background = background();
    // SAFETY: the span is new (the kernel refuses to replace a mapping), and nothing in this
    // process knows of it but the code below and the cases.
    unsafe {
        let region = REGION as *mut c_void;
        let got = libc::mmap(region, REGION_BYTES as usize, libc::PROT_NONE, flags, -1, 0);
        if got != region {
            return Err(std::io::Error::last_os_error());
        }
        let data = DATA as *mut u8;
        check(libc::mprotect(data.cast(), background.len(), writable))?;
        ptr::copy_nonoverlapping(background.as_ptr(), data, background.len());
        check(libc::mprotect(READ_ONLY as *mut c_void, PAGE as usize, libc::PROT_READ))?;
        let code = CODE as *mut u8;
        check(libc::mprotect(code.cast(), CODE_BYTES, writable | libc::PROT_EXEC))?;
        ptr::write_bytes(code, INT3, CODE_BYTES);
        Ok(())
    }
}

fn install_handlers() -> std::io::Result<()> {
    const STACK: usize = 1 << 18;
    // SAFETY: the stack is leaked, so it lives as long as the handlers; they are set before any
    // case runs; all structures are plain data for which zero is valid.
    unsafe {
        let stack = Box::leak(vec![0u8; STACK].into_boxed_slice());
        let stack = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK };
        check(libc::sigaltstack(&stack, ptr::null_mut()))?;
        for signal in [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGBUS] {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            check(libc::sigaction(signal, &action, ptr::null_mut()))?;
        }
    }
    Ok(())
}

/// Every case begins and ends here.
extern "C" fn on_signal(signal: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // A case may leave AC and NT set: the handler would fault at its first unaligned access.
    // SAFETY: clears flags that compiled code does not use; the stack is balanced.
    unsafe {
        asm!("pushfq", "and dword ptr [rsp], {keep}", "popfq", keep = const !(1 << 18 | 1 << 14 | 1 << 21));
    }
    // The base of FS is the case's: nothing before this line and behind the last one may use
    // thread-local storage.
    let left = segments::enter();
    let base = handle(signal, left, context);
    segments::leave(base);
}

/// Ends a case and begins the next one; the base that FS must have for it.
#[inline(never)]
fn handle(signal: c_int, left: Segments, context: *mut c_void) -> u64 {
    let batch = BATCH.load(Ordering::SeqCst);
    if batch.is_null() {
        // A fault of the runner itself.
        // SAFETY: the default action ends the process when the instruction is retried.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
        return segments::own_base();
    }
    // SAFETY: `run` waits at its INT3 and leaves the batch to the handler, which is not
    // reentered; the kernel's context is valid until the handler returns. What was interrupted
    // is that INT3 or a case, so no lock of the allocator is held.
    let (batch, context) = unsafe { (&mut *batch, &mut *context.cast::<ucontext_t>()) };
    let next = match batch.current {
        None => {
            batch.origin = save(context);
            0
        }
        Some(current) => {
            finish(batch, current, &left, context);
            current + 1
        }
    };
    if next < batch.cases.len() {
        batch.current = Some(next);
        begin(batch, next);
        let case = &batch.cases[next];
        load(context, case.mode, &case.state);
        segments::prepare(case.mode);
        FS_BASE
    } else {
        batch.current = None;
        let origin = batch.origin.clone();
        load(context, Mode::Bits64, &origin);
        segments::own_base()
    }
}

/// The case's own view of the code pages and the data pages.
fn pages() -> (&'static mut [u8], &'static mut [u8]) {
    // SAFETY: `map` made both; only the handler uses them between cases, one pair at a time.
    unsafe {
        (
            std::slice::from_raw_parts_mut(CODE as *mut u8, CODE_BYTES),
            std::slice::from_raw_parts_mut(DATA as *mut u8, DATA_BYTES),
        )
    }
}

fn begin(batch: &mut Batch, index: usize) {
    let case = &batch.cases[index];
    let (code, data) = pages();
    let place = case.place();
    let length = place.len();
    // An earlier case may have stored here.
    code.fill(INT3);
    code[place].copy_from_slice(&case.code[..length]);
    data.copy_from_slice(&batch.background[..DATA_BYTES]);
    apply(&case.patches, data);
    batch.before.clear();
    batch.before.extend_from_slice(data);
}

/// Whether the fault is that of the first byte at the target of a branch: the case itself is done.
fn arrived(case: &Case, registers: &[i64; 23]) -> bool {
    let target = registers[libc::REG_RIP as usize] as u64 + base(registers[libc::REG_CSGSFS as usize] as u16);
    let place = case.place();
    let own = CODE + place.start as u64..CODE + place.end as u64;
    registers[libc::REG_CR2 as usize] as u64 == target && !own.contains(&target)
}

fn finish(batch: &mut Batch, index: usize, left: &Segments, context: &ucontext_t) {
    let (code, data) = pages();
    code[batch.cases[index].place()].fill(INT3);
    let mut state = save(context);
    let [es, _, _, ds, fs, gs] = left.selectors;
    let [_, cs, ss, ..] = state.selectors;
    state.selectors = [es, cs, ss, ds, fs, gs];
    state.bases = left.bases;
    let registers = &context.uc_mcontext.gregs;
    let vector = registers[libc::REG_TRAPNO as usize];
    let error = registers[libc::REG_ERR as usize] as u32;
    let fault = if vector == BREAKPOINT {
        state.rip -= 1;
        None
    } else if vector == PAGE_FAULT && error & FETCH != 0 && arrived(&batch.cases[index], registers) {
        None
    } else {
        Some((vector as u8, error))
    };
    let cr2 = if matches!(fault, Some((14, _))) { registers[libc::REG_CR2 as usize] as u64 } else { 0 };
    batch.outcomes.push(Outcome { fault, cr2, state, changes: changes(&batch.before, data) });
}

/// Where the kernel puts the XSAVE header behind the FXSAVE image, and the upper halves of the YMM
/// registers behind that: the standard form of the area (SDM volume 1, 13.4).
const XSAVE_HEADER: usize = 512;
const YMM_HIGH: usize = 576;
/// XCR0 bits, as XSTATE_BV has them.
const X87: u64 = 1;
const SSE: u64 = 1 << 1;
const AVX: u64 = 1 << 2;

/// The components that are not in their initial state. Those that are get it by XRSTOR's own hand, so that
/// the processor knows it (SDM volume 1, 13.6).
fn in_use(state: &State) -> u64 {
    let rest = State::default();
    let x87 = state.fx[..24] != rest.fx[..24] || state.fx[32..160].iter().any(|byte| *byte != 0);
    let sse = state.fx[160..].iter().any(|byte| *byte != 0);
    let avx = state.high.iter().any(|byte| *byte != 0);
    [(x87, X87), (sse, SSE), (avx, AVX)].iter().filter(|(used, _)| *used).map(|(_, bit)| bit).sum()
}

/// The extended state of a signal context: the image, and which parts of the state it has room
/// for, zero if it is a mere FXSAVE image.
fn image(context: &ucontext_t) -> (*mut u8, u64) {
    const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
    let image = context.uc_mcontext.fpregs.cast::<u8>();
    // SAFETY: the kernel points to an image of at least 512 bytes. Its software bytes (at 464)
    // tell by a magic number that an XSAVE area follows, and (at 472) its parts.
    unsafe {
        let extended = image.add(464).cast::<u32>().read_unaligned() == FP_XSTATE_MAGIC1;
        let parts = if extended { image.add(472).cast::<u64>().read_unaligned() } else { 0 };
        (image, parts)
    }
}

fn save(context: &ucontext_t) -> State {
    let registers = &context.uc_mcontext.gregs;
    let mut state = State::default();
    for (value, register) in state.gpr.iter_mut().zip(ORDER) {
        *value = registers[register as usize] as u64;
    }
    state.rip = registers[libc::REG_RIP as usize] as u64;
    state.rflags = registers[libc::REG_EFL as usize] as u64;
    let selectors = registers[libc::REG_CSGSFS as usize];
    state.selectors = [0, selectors as u16, (selectors >> 48) as u16, 0, 0, 0];
    let (image, parts) = image(context);
    // SAFETY: the kernel points to an image of at least 512 bytes, and where it has room for the
    // AVX state its header and the upper halves lie behind. Halves that the header does not list
    // are in their initial state, which is zero.
    unsafe {
        ptr::copy_nonoverlapping(image, state.fx.as_mut_ptr(), FX_BYTES);
        if parts & AVX != 0 && image.add(XSAVE_HEADER).cast::<u64>().read_unaligned() & AVX != 0 {
            ptr::copy_nonoverlapping(image.add(YMM_HIGH), state.high.as_mut_ptr(), HIGH_BYTES);
        }
    }
    state
}

fn load(context: &mut ucontext_t, mode: Mode, state: &State) {
    let registers = &mut context.uc_mcontext.gregs;
    let [_, cs, ss, ..] = mode.selectors();
    registers[libc::REG_CSGSFS as usize] = i64::from(cs) | i64::from(ss) << 48;
    for (value, register) in state.gpr.iter().zip(ORDER) {
        registers[register as usize] = *value as i64;
    }
    registers[libc::REG_RIP as usize] = state.rip as i64;
    let flags = &mut registers[libc::REG_EFL as usize];
    *flags = *flags & !(FLAGS as i64 | 1 << 8 | 1 << 14 | 1 << 16 | 1 << 18 | 1 << 21)
        | (state.rflags & FLAGS) as i64;
    let (image, parts) = image(context);
    // SAFETY: as in `save`. The header's first word says which parts the kernel loads.
    unsafe {
        ptr::copy_nonoverlapping(state.fx.as_ptr(), image, MASK.start);
        ptr::copy_nonoverlapping(state.fx.as_ptr().add(MASK.end), image.add(MASK.end), FX_BYTES - MASK.end);
        if parts != 0 {
            if parts & AVX != 0 {
                ptr::copy_nonoverlapping(state.high.as_ptr(), image.add(YMM_HIGH), HIGH_BYTES);
            }
            let header = image.add(XSAVE_HEADER).cast::<u64>();
            let others = header.read_unaligned() & !(X87 | SSE | AVX);
            header.write_unaligned(others | in_use(state) & parts);
        }
    }
}
