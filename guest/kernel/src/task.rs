//! Tasks and the scheduler: preemptive round robin.
//!
//! A stopped task is its `context`, a complete `TrapFrame`. Switching happens in one
//! place, on the way out of an interrupt: the frame on the interrupt stack is copied into
//! the task that stops, the frame of the task that goes on is copied over it, and IRETQ
//! does the rest. Ring 0 and ring 3 make no difference, nor do a timer tick and a task
//! that gives up the processor (`int 48`).

use crate::address::{PAGE, USER_STACK_TOP};
use crate::console::Text;
use crate::idt::YIELD;
use crate::irq_cell::{InterruptsOff, IrqCell};
use crate::list::{self, ListEntry};
use crate::modules::{self, Module};
use crate::trap::TrapFrame;
use crate::{cpu, gdt, log, paging, pit, program, stacks};
use core::arch::asm;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

pub const MAX_TASKS: usize = 16;
const NAME: usize = 16;

#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The slot is empty and in no list.
    Free = 0,
    Ready = 1,
    Running = 2,
    /// Until `wake_tick`.
    Sleeping = 3,
    /// Until `channel` is woken, or `wake_tick` if that is not 0.
    Waiting = 4,
    /// Ended; `idle` takes its memory back.
    Zombie = 5,
}

/// What a task can wait for.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    None = 0,
    SerialInput = 1,
    SerialOutput = 2,
    Edu = 3,
}

/// A task. A debugger walks them from `TASK_LIST`; offsets are part of the kernel's
/// documented face.
#[repr(C, align(16))]
pub struct Task {
    pub links: ListEntry,
    pub pid: u32,
    pub state: State,
    pub name: [u8; NAME],
    /// Physical address of the PML4.
    pub cr3: u64,
    /// Top and bottom of the kernel stack.
    pub kernel_stack: u64,
    pub kernel_stack_bottom: u64,
    pub wake_tick: u64,
    pub channel: Channel,
    /// 0 or 3.
    pub ring: u32,
    /// Timer ticks that found this task running.
    pub ticks: u64,
    /// Times it was switched to.
    pub switches: u64,
    pub exit_status: i64,
    /// The program it runs, or the kernel.
    pub module: *const Module,
    /// Everything else about it, valid unless it is running.
    pub context: TrapFrame,
}

const _: () = assert!(offset_of!(Task, pid) == 16 && offset_of!(Task, state) == 20);
const _: () = assert!(offset_of!(Task, name) == 24 && offset_of!(Task, cr3) == 40);
const _: () = assert!(offset_of!(Task, kernel_stack) == 48 && offset_of!(Task, module) == 104);
const _: () = assert!(offset_of!(Task, context) == 112);

impl Task {
    const FREE: Self = Self {
        links: ListEntry::unlinked(),
        pid: 0,
        state: State::Free,
        name: [0; NAME],
        cr3: 0,
        kernel_stack: 0,
        kernel_stack_bottom: 0,
        wake_tick: 0,
        channel: Channel::None,
        ring: 0,
        ticks: 0,
        switches: 0,
        exit_status: 0,
        module: ptr::null(),
        context: TrapFrame::ZERO,
    };
}

/// What the processor finds through IA32_KERNEL_GS_BASE; `entry.s` knows the first two.
#[repr(C)]
struct PerCpu {
    /// Top of the current task's kernel stack.
    kernel_rsp: u64,
    /// Scratch of the system-call entry.
    user_rsp: u64,
    current: *mut Task,
}

#[unsafe(no_mangle)]
static TASK_LIST: IrqCell<ListEntry> = IrqCell::new(ListEntry::unlinked());
#[unsafe(no_mangle)]
static TASKS: IrqCell<[Task; MAX_TASKS]> = IrqCell::new([const { Task::FREE }; MAX_TASKS]);
#[unsafe(no_mangle)]
static PER_CPU: IrqCell<PerCpu> =
    IrqCell::new(PerCpu { kernel_rsp: 0, user_rsp: 0, current: ptr::null_mut() });
static NEXT_PID: IrqCell<u32> = IrqCell::new(0);
/// An interrupt woke someone or ended a time slice.
static WANTED: AtomicBool = AtomicBool::new(false);
/// Somebody looks at another task's page tables.
static REAPING_HELD: AtomicBool = AtomicBool::new(false);

fn current() -> *mut Task {
    // SAFETY: one aligned word, which changes only in `schedule`, where the reader is not
    // running. Not `with`: a panic may ask while the cell is borrowed.
    unsafe { (*PER_CPU.as_ptr()).current }
}

/// The task that runs. 0, like `idle`, before there are tasks.
pub fn current_pid() -> u32 {
    // SAFETY: tasks are static, and a running one keeps its pid.
    unsafe { current().as_ref() }.map_or(0, |task| task.pid)
}

/// Its name.
pub fn current_name() -> Text<'static> {
    // SAFETY: as above.
    unsafe { current().as_ref() }.map_or(Text(b"boot"), |task| Text(&task.name))
}

/// Makes the running context the first task, `idle`, on the stack it is on.
pub fn init() {
    // SAFETY: the head is static.
    TASK_LIST.with(|head| unsafe { ListEntry::init(head) });
    let stack = stacks::fixed_top(0);
    TASKS.with(|tasks| add(&mut tasks[0], "idle", paging::kernel_root(), stack));
    PER_CPU.with(|cpu| {
        cpu.kernel_rsp = stack;
        cpu.current = TASKS.as_ptr().cast();
    });
    TASKS.with(|tasks| tasks[0].state = State::Running);
    gdt::set_rsp0(stack);
    // SAFETY: the address of a static. The kernel's own GS base stays 0 and unused.
    unsafe { cpu::wrmsr(cpu::IA32_KERNEL_GS_BASE, PER_CPU.as_ptr() as u64) };
    log!("task: round robin, {} ticks a second", pit::HZ);
}

/// Fills a slot and links it. Ready, but its context is still to be set.
fn add(task: &mut Task, name: &str, cr3: u64, stack: u64) -> u32 {
    let pid = NEXT_PID.with(|next| {
        *next += 1;
        *next - 1
    });
    let mut bytes = [0; NAME];
    let length = name.len().min(NAME - 1);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    *task = Task {
        pid,
        state: State::Ready,
        name: bytes,
        cr3,
        kernel_stack: stack,
        kernel_stack_bottom: stack - stacks::SIZE,
        module: modules::kernel(),
        ..Task::FREE
    };
    // SAFETY: slots are static and this one was free, so in no list. `TASKS` is borrowed
    // whenever `TASK_LIST` is touched.
    unsafe { ListEntry::push_back(TASK_LIST.as_ptr(), &raw mut task.links) };
    pid
}

fn new_task(name: &str, cr3: u64, finish: impl FnOnce(&mut Task)) -> Result<u32, &'static str> {
    reap();
    TASKS.with(|tasks| {
        let slot = tasks.iter().position(|task| task.state == State::Free).ok_or("too many tasks")?;
        stacks::map(slot as u64).map_err(|_| "out of memory")?;
        let pid = add(&mut tasks[slot], name, cr3, stacks::task_top(slot as u64));
        finish(&mut tasks[slot]);
        Ok(pid)
    })
}

/// Tasks start this far below the top of their stack. As after a call, rsp is 8 off a
/// multiple of 16 (System V psABI, 3.2.2); the zeros above end every debugger's walk.
const START: u64 = 24;

/// Starts a task in ring 0.
pub fn spawn_kernel(name: &str, entry: fn() -> !) {
    let spawned = new_task(name, paging::kernel_root(), |task| {
        let (rip, rsp) = (entry as usize as u64, task.kernel_stack - START);
        task.context.start(rip, rsp, gdt::KERNEL_CODE, gdt::KERNEL_DATA);
    });
    match spawned {
        Ok(pid) => log!("task: {pid} {name}, ring 0"),
        Err(error) => log!("task: {name}: {error}"),
    }
}

/// Starts a program in ring 3, in an address space of its own.
pub fn spawn_user(name: &str) -> Result<u32, &'static str> {
    let module = modules::find_program(name).ok_or("no such program")?;
    let cr3 = paging::new_space().map_err(|_| "out of memory")?;
    let spawned = program::load(cr3, module.image()).and_then(|entry| {
        new_task(name, cr3, |task| {
            task.ring = 3;
            task.module = module;
            task.context.start(entry, USER_STACK_TOP - START, gdt::USER_CODE, gdt::USER_DATA);
        })
    });
    match spawned {
        Ok(pid) => log!("task: {pid} {name}, ring 3, cr3 {cr3:#x}"),
        Err(_) => paging::free_space(cr3),
    }
    spawned
}

/// Ends the running task. The caller must schedule.
pub fn end_current(status: i64) {
    TASKS.with(|_| {
        // SAFETY: tasks are static; the array is borrowed by us.
        let task = unsafe { &mut *current() };
        task.state = State::Zombie;
        task.exit_status = status;
    });
}

/// Ends the running task for good.
pub fn exit(status: i64) -> ! {
    log!("task: {} {} exits with {status}", current_pid(), current_name());
    end_current(status);
    yield_now();
    unreachable!("a zombie was scheduled")
}

/// Ends another task.
pub fn kill(pid: u32) -> Result<(), &'static str> {
    TASKS.with(|tasks| {
        let task = tasks
            .iter_mut()
            .find(|task| task.pid == pid && !matches!(task.state, State::Free | State::Zombie))
            .ok_or("no such task")?;
        if pid == 0 || task.state == State::Running {
            return Err("that one is needed");
        }
        task.state = State::Zombie;
        task.exit_status = -1;
        Ok(())
    })
}

/// Takes back the memory of tasks that ended.
fn reap() {
    if REAPING_HELD.load(Ordering::Relaxed) {
        return;
    }
    TASKS.with(|tasks| {
        for (slot, task) in tasks.iter_mut().enumerate() {
            // A zombie that still runs stands on the stack that would go.
            if task.state != State::Zombie || ptr::eq(task, current()) {
                continue;
            }
            // SAFETY: every task that is not free is in the list.
            unsafe { ListEntry::remove(&raw mut task.links) };
            stacks::unmap(slot as u64);
            if task.ring == 3 {
                paging::free_space(task.cr3);
            }
            task.state = State::Free;
        }
    });
}

/// Runs `body` while no task's memory is taken back, so that page tables found in the
/// task list stay page tables.
pub fn with_reaping_held<R>(body: impl FnOnce() -> R) -> R {
    REAPING_HELD.store(true, Ordering::Relaxed);
    let result = body();
    REAPING_HELD.store(false, Ordering::Relaxed);
    result
}

/// What runs when nothing else wants to.
pub fn idle() -> ! {
    loop {
        reap();
        cpu::enable_interrupts_and_halt();
    }
}

/// Calls `visit` for every task in the list, interrupts off.
pub fn for_each(mut visit: impl FnMut(&Task)) {
    TASKS.with(|_| {
        // SAFETY: the list is initialised, its members are tasks, and it is borrowed.
        for task in unsafe { list::members::<Task>(TASK_LIST.as_ptr()) } {
            // SAFETY: as above.
            visit(unsafe { &*task });
        }
    });
}

/// Gives up the processor.
pub fn yield_now() {
    // SAFETY: the handler restores every register.
    unsafe { asm!("int {}", const YIELD) }
}

/// Sleeps for a number of ticks.
pub fn sleep(ticks: u64) {
    let deadline = pit::ticks() + ticks;
    while pit::ticks() < deadline {
        block(State::Sleeping, Channel::None, deadline);
    }
}

/// Sleeps while `condition` holds. Whoever changes it must wake `channel`.
pub fn wait_while(channel: Channel, condition: impl Fn() -> bool) {
    wait_while_until(channel, 0, condition);
}

/// As `wait_while`, to the tick `deadline` at most (0: for ever). Whether the condition
/// ended in time.
pub fn wait_while_until(channel: Channel, deadline: u64, condition: impl Fn() -> bool) -> bool {
    // Off from the look at the condition to the switch, or the wake-up could fall between.
    let _guard = InterruptsOff::new();
    while condition() {
        if deadline != 0 && pit::ticks() >= deadline {
            return false;
        }
        block(State::Waiting, channel, deadline);
    }
    true
}

fn block(state: State, channel: Channel, wake_tick: u64) {
    let _guard = InterruptsOff::new();
    if current_pid() == 0 {
        // Boot and idle are what runs when all wait, so they cannot: any interrupt will do.
        cpu::enable_interrupts_and_halt();
        cpu::disable_interrupts();
        return;
    }
    TASKS.with(|_| {
        // SAFETY: tasks are static; the array is borrowed by us.
        let task = unsafe { &mut *current() };
        task.state = state;
        task.channel = channel;
        task.wake_tick = wake_tick;
    });
    yield_now();
}

fn make_ready(task: &mut Task) {
    task.state = State::Ready;
    task.channel = Channel::None;
    task.wake_tick = 0;
    WANTED.store(true, Ordering::Relaxed);
}

/// Makes ready whoever waits for `channel`.
pub fn wake(channel: Channel) {
    TASKS.with(|tasks| {
        for task in tasks.iter_mut() {
            if task.state == State::Waiting && task.channel == channel {
                make_ready(task);
            }
        }
    });
}

/// The timer's tick: ends the time slice, and the sleeps that are due.
pub fn tick(now: u64) {
    TASKS.with(|tasks| {
        for task in tasks.iter_mut() {
            match task.state {
                State::Running => task.ticks += 1,
                State::Sleeping if task.wake_tick <= now => make_ready(task),
                State::Waiting if task.wake_tick != 0 && task.wake_tick <= now => make_ready(task),
                _ => {}
            }
        }
    });
    WANTED.store(true, Ordering::Relaxed);
}

/// Switches if an interrupt gave a reason to.
pub fn schedule_if_wanted(frame: &mut TrapFrame) {
    if WANTED.swap(false, Ordering::Relaxed) && !current().is_null() {
        schedule(frame);
    }
}

/// Picks who runs next and makes `frame` its context.
pub fn schedule(frame: &mut TrapFrame) {
    TASKS.with(|tasks| {
        let from = current();
        // SAFETY: tasks are static, linked, and borrowed by us through `tasks`, which is
        // only used for its first element, idle.
        unsafe {
            let next = pick(from, &raw mut tasks[0]);
            if next == from {
                (*from).state = State::Running;
                return;
            }
            (*from).context = *frame;
            if (*from).state == State::Running {
                (*from).state = State::Ready;
            }
            *frame = (*next).context;
            (*next).state = State::Running;
            (*next).switches += 1;
            PER_CPU.with(|cpu| {
                cpu.current = next;
                cpu.kernel_rsp = (*next).kernel_stack;
            });
            gdt::set_rsp0((*next).kernel_stack);
            // Writing CR3 empties the TLB, so only when the space is another.
            if (*next).cr3 != cpu::cr3() {
                cpu::set_cr3((*next).cr3);
            }
        }
    });
}

/// The first ready task behind `from` in the list, round to `from` itself; `idle` if none.
///
/// # Safety
/// `from` and `idle` must be in the task list, which must not change meanwhile.
unsafe fn pick(from: *mut Task, idle: *mut Task) -> *mut Task {
    // SAFETY: the caller's promise; every link but the head is a task's first field.
    unsafe {
        let mut at = (*from).links.next;
        loop {
            let task: *mut Task = at.cast();
            if at != TASK_LIST.as_ptr() {
                if task != idle && (*task).state == State::Ready {
                    return task;
                }
                if task == from {
                    return if (*task).state == State::Running { task } else { idle };
                }
            }
            at = (*at).next;
        }
    }
}

/// Bottom of a program's stack.
pub const USER_STACK_BOTTOM: u64 = USER_STACK_TOP - 4 * PAGE;
