//! The local APIC of one processor.
//!
//! Intel SDM volume 3, chapter 12. The model has six local vector table entries (no CMCI), no
//! EOI-broadcast suppression, and both xAPIC and x2APIC modes.
//!
//! Documented differences:
//! - The xAPIC window answers at 0xFEE00000 only. Another base in IA32_APIC_BASE is stored, and
//!   the window then answers nowhere.
//! - The APIC ID is read-only, as software is told to treat it.
//! - The LINT1 pin is wired to nothing; the board's NMI sources reach the processor directly.
//! - Interrupt messages carry destinations of 15 bits. Only processor 0 owns the MMIO window;
//!   processors beyond it would be reached by x2APIC MSRs.
//! - Lowest-priority arbitration is won by the lowest bit of a logical destination.

mod timer;

#[cfg(test)]
mod tests;

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, InterruptController, LocalApic, MmioDevice, MmioRange, RestoreError,
    Signal, Width, is_unmaskable,
};
use serde::{Deserialize, Serialize};

use crate::saved;
use timer::{Mode, Timer};

/// Where the xAPIC registers lie.
pub const XAPIC_BASE: u64 = 0xfee0_0000;

const IA32_APIC_BASE: u32 = 0x1b;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const BSP: u64 = 1 << 8;
const EXTD: u64 = 1 << 10;
const EN: u64 = 1 << 11;

/// Version 0x14, six LVT entries (12.4.8).
const VERSION: u32 = 0x0005_0014;

// Register numbers: xAPIC offset >> 4, x2APIC MSR - 0x800 (table 12-6).
const ID: u32 = 0x02;
const VER: u32 = 0x03;
const TPR: u32 = 0x08;
const APR: u32 = 0x09;
const PPR: u32 = 0x0a;
const EOI: u32 = 0x0b;
const LDR: u32 = 0x0d;
const DFR: u32 = 0x0e;
const SVR: u32 = 0x0f;
const ISR: u32 = 0x10;
const TMR: u32 = 0x18;
const IRR: u32 = 0x20;
const ESR: u32 = 0x28;
const ICR: u32 = 0x30;
const ICR_HIGH: u32 = 0x31;
const LVT: u32 = 0x32;
const LVT_LAST: u32 = 0x37;
const INITIAL_COUNT: u32 = 0x38;
const CURRENT_COUNT: u32 = 0x39;
const DIVIDE: u32 = 0x3e;
const SELF_IPI: u32 = 0x3f;

// Positions in the local vector table, in register order.
const TIMER: usize = 0;
const LINT0: usize = 3;
const LINT1: usize = 4;
const ERROR: usize = 5;

const MASKED: u32 = 1 << 16;
const REMOTE_IRR: u32 = 1 << 14;
const LEVEL: u32 = 1 << 15;
const SOFTWARE_ENABLE: u32 = 1 << 8;

/// Which bits of each LVT entry software may write (figure 12-8).
const LVT_WRITABLE: [u32; 6] = [0x7_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff];

// Delivery modes (figure 12-8 and 12-12).
const FIXED: u32 = 0;
const LOWEST: u32 = 1;
const SMI: u32 = 2;
const NMI: u32 = 4;
const INIT: u32 = 5;
const STARTUP: u32 = 6;
const EXT_INT: u32 = 7;

// ESR bits (figure 12-9).
const SEND_ILLEGAL_VECTOR: u32 = 1 << 5;
const RECEIVED_ILLEGAL_VECTOR: u32 = 1 << 6;
const ILLEGAL_REGISTER: u32 = 1 << 7;

/// Message address bit that marks an "all excluding self" IPI. Real messages leave bits 1:0
/// zero; the sender's ID is then in bits 11:5, and the destination is everybody.
const EXCEPT_SENDER: u32 = 1 << 1;

const TIMER_TOKEN: u32 = 0;

/// How a local APIC is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LapicConfig {
    /// The processor, counted from zero; also the APIC ID. 0-254.
    pub cpu: usize,
    /// The timer's input clock before the divisor, in Hz.
    pub timer_hz: u64,
    /// Ticks of the time-stamp counter per second: `tsc = ns * tsc_hz / 1e9`.
    pub tsc_hz: u64,
    /// Reset into the state a BIOS leaves: software-enabled, LINT0 = ExtINT, LINT1 = NMI.
    pub virtual_wire: bool,
}

impl Default for LapicConfig {
    fn default() -> Self {
        Self { cpu: 0, timer_hz: 1_000_000_000, tsc_hz: 1_000_000_000, virtual_wire: true }
    }
}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    apic_base: u64,
    tpr: u8,
    /// Bits 31:24 as written in xAPIC mode; x2APIC mode derives its own.
    ldr: u32,
    dfr: u32,
    svr: u32,
    isr: [u32; 8],
    tmr: [u32; 8],
    irr: [u32; 8],
    /// Errors as the last write to ESR published them.
    esr: u32,
    /// Errors since then.
    errors: u32,
    icr: u64,
    lvt: [u32; 6],
    timer: Timer,
    /// The 8259's INTR, on LINT0.
    intr: bool,
    /// An ExtINT message came while INTR was up.
    ext_message: bool,
    /// What the processor was last told: a fixed interrupt is deliverable, ExtINT passes.
    told: (bool, bool),
}

impl State {
    fn new(config: &LapicConfig) -> Self {
        let bsp = if config.cpu == 0 { BSP } else { 0 };
        Self {
            apic_base: XAPIC_BASE | EN | bsp,
            tpr: 0,
            ldr: 0,
            dfr: u32::MAX,
            svr: 0xff,
            isr: [0; 8],
            tmr: [0; 8],
            irr: [0; 8],
            esr: 0,
            errors: 0,
            icr: 0,
            lvt: [MASKED; 6],
            timer: Timer::default(),
            intr: false,
            ext_message: false,
            told: (false, false),
        }
    }
}

// --- pure model ----------------------------------------------------------------------------

fn test(bits: &[u32; 8], vector: u8) -> bool {
    bits[usize::from(vector >> 5)] >> (vector & 31) & 1 == 1
}

fn put(bits: &mut [u32; 8], vector: u8, value: bool) {
    let word = &mut bits[usize::from(vector >> 5)];
    *word = *word & !(1 << (vector & 31)) | u32::from(value) << (vector & 31);
}

fn highest(bits: &[u32; 8]) -> Option<u8> {
    let at = bits.iter().rposition(|word| *word != 0)?;
    Some((32 * at) as u8 + (31 - bits[at].leading_zeros()) as u8)
}

impl State {
    fn enabled(&self) -> bool {
        self.apic_base & EN != 0
    }

    fn x2apic(&self) -> bool {
        self.apic_base & (EN | EXTD) == EN | EXTD
    }

    fn software_enabled(&self) -> bool {
        self.svr & SOFTWARE_ENABLE != 0
    }

    /// 12.8.3.1: the greater of task priority and the class in service.
    fn ppr(&self) -> u8 {
        let in_service = highest(&self.isr).unwrap_or(0) & 0xf0;
        if self.tpr & 0xf0 >= in_service { self.tpr } else { in_service }
    }

    /// The vector that the processor may take now.
    fn deliverable(&self) -> Option<u8> {
        highest(&self.irr).filter(|vector| self.enabled() && vector >> 4 > self.ppr() >> 4)
    }

    /// Whether the 8259's INTR reaches the processor (12.5.1; 12.4.3 for the disabled APIC).
    fn ext_int(&self) -> bool {
        let lint0 = self.lvt[LINT0];
        let wired = lint0 & MASKED == 0 && lint0 >> 8 & 7 == EXT_INT;
        self.intr && (!self.enabled() || wired || self.ext_message)
    }

    /// The logical ID (12.6.2.2), or in x2APIC mode the derived one (12.12.10.2).
    fn logical_id(&self, id: u32) -> u32 {
        if self.x2apic() { id >> 4 << 16 | 1 << (id & 15) } else { self.ldr }
    }

    /// Whether a destination of at most 15 bits means this APIC.
    fn is_destination(&self, id: u32, destination: u32, logical: bool, one_of_many: bool) -> bool {
        if !logical {
            return destination == id || destination == 0xff;
        }
        if destination == 0xff && !one_of_many {
            return true;
        }
        let chosen = |set: u32| if one_of_many { set & set.wrapping_neg() } else { set };
        if self.x2apic() {
            let own = self.logical_id(id);
            return own >> 16 == 0 && own & chosen(destination) != 0;
        }
        let own = self.ldr >> 24;
        if self.dfr >> 28 == 0xf {
            return own & chosen(destination & 0xff) != 0;
        }
        let cluster = destination >> 4 & 0xf;
        (cluster == 0xf || cluster == own >> 4) && own & chosen(destination & 0xf) & 0xf != 0
    }
}

/// The local APIC of one processor.
pub struct Lapic {
    config: LapicConfig,
    state: State,
}

impl Lapic {
    /// A local APIC in its reset state.
    pub fn new(config: LapicConfig) -> Self {
        let mut lapic = Self { state: State::new(&config), config };
        lapic.power_on();
        lapic
    }

    fn id(&self) -> u32 {
        self.config.cpu as u32
    }

    fn name(&self) -> String {
        format!("lapic{}", self.config.cpu)
    }

    fn power_on(&mut self) {
        self.state = State::new(&self.config);
        if self.config.virtual_wire {
            self.state.svr |= SOFTWARE_ENABLE;
            self.state.lvt[LINT0] = EXT_INT << 8;
            self.state.lvt[LINT1] = NMI << 8;
        }
    }

    /// INIT or a global disable: every register but the base and the ID (12.4.7.3).
    fn registers_to_reset(&mut self, cx: &mut Cx<'_>) {
        let old = &self.state;
        let (apic_base, intr, told) = (old.apic_base, old.intr, old.told);
        self.state = State { apic_base, intr, told, ..State::new(&self.config) };
        cx.cancel(TIMER_TOKEN);
    }

    /// Tells the processor what changed.
    fn update(&mut self, cx: &mut Cx<'_>) {
        let cpu = self.config.cpu;
        let (fixed, ext) = (self.state.deliverable().is_some(), self.state.ext_int());
        if fixed != self.state.told.0 {
            cx.signal(Signal::Deliverable { cpu, level: fixed });
        }
        if ext != self.state.told.1 {
            cx.signal(Signal::ExtInt { cpu, level: ext });
        }
        self.state.told = (fixed, ext);
    }

    fn error(&mut self, bit: u32, cx: &mut Cx<'_>) {
        if self.state.errors & bit == 0 {
            self.state.errors |= bit;
            if self.state.lvt[ERROR] & MASKED == 0 {
                self.request(self.state.lvt[ERROR] as u8, false, cx);
            }
        }
    }

    /// Accepts a fixed interrupt into IRR.
    fn request(&mut self, vector: u8, level: bool, cx: &mut Cx<'_>) {
        if vector < 16 {
            return self.error(RECEIVED_ILLEGAL_VECTOR, cx);
        }
        put(&mut self.state.irr, vector, true);
        put(&mut self.state.tmr, vector, level);
    }

    /// A local interrupt fires with the delivery mode of its LVT entry.
    fn local(&mut self, entry: usize, cx: &mut Cx<'_>) {
        let lvt = self.state.lvt[entry];
        if lvt & MASKED != 0 {
            return;
        }
        let cpu = self.config.cpu;
        match if entry == TIMER || entry == ERROR { FIXED } else { lvt >> 8 & 7 } {
            FIXED => {
                let level = entry == LINT0 && lvt & LEVEL != 0;
                if level {
                    self.state.lvt[entry] |= REMOTE_IRR;
                }
                self.request(lvt as u8, level, cx);
            }
            SMI => cx.signal(Signal::Smi { cpu: Some(cpu) }),
            NMI => cx.signal(Signal::Nmi { cpu }),
            INIT => cx.signal(Signal::Init { cpu }),
            _ => {}
        }
    }

    /// LINT0 followed INTR: what the pin does unless it is in ExtINT mode.
    fn lint0_changed(&mut self, rising: bool, cx: &mut Cx<'_>) {
        let lvt = self.state.lvt[LINT0];
        let level = lvt & LEVEL != 0 && lvt >> 8 & 7 == FIXED;
        if !self.state.enabled() || lvt >> 8 & 7 == EXT_INT {
            return;
        }
        if if level { self.state.intr && lvt & REMOTE_IRR == 0 } else { rising } {
            self.local(LINT0, cx);
        }
    }

    fn eoi(&mut self, cx: &mut Cx<'_>) {
        let Some(vector) = highest(&self.state.isr) else { return };
        put(&mut self.state.isr, vector, false);
        if !test(&self.state.tmr, vector) {
            return;
        }
        cx.signal(Signal::Eoi { vector });
        let lint0 = &mut self.state.lvt[LINT0];
        if *lint0 & REMOTE_IRR != 0 && *lint0 as u8 == vector {
            *lint0 &= !REMOTE_IRR;
            self.lint0_changed(false, cx);
        }
    }

    fn mode(&self) -> Mode {
        Mode::of(self.state.lvt[TIMER])
    }

    /// Asks for the next moment at which the timer matters. A masked count needs none: it
    /// follows from the time.
    fn arm(&self, cx: &mut Cx<'_>) {
        let mode = self.mode();
        let silent = self.state.lvt[TIMER] & MASKED != 0 && mode != Mode::TscDeadline;
        let next = self.state.timer.next_expiry(mode, cx.now(), self.config.timer_hz, self.config.tsc_hz);
        match next.filter(|at| self.state.enabled() && !silent && *at != u64::MAX) {
            Some(at) => cx.schedule(TIMER_TOKEN, at),
            None => cx.cancel(TIMER_TOKEN),
        }
    }

    /// Sends what the ICR says (12.6.1).
    fn send(&mut self, cx: &mut Cx<'_>) {
        let low = self.state.icr as u32;
        let (vector, delivery) = (low as u8, low >> 8 & 7);
        if delivery <= LOWEST && vector < 16 {
            return self.error(SEND_ILLEGAL_VECTOR, cx);
        }
        // Level de-assert exists for INIT only, where no processor since the P6 heeds it.
        if delivery == INIT && low & (1 << 14) == 0 {
            return;
        }
        let id = self.id();
        let high = (self.state.icr >> 32) as u32;
        let (destination, broadcast) = if self.state.x2apic() {
            (high & 0x7fff, high == u32::MAX)
        } else {
            (high >> 24, high >> 24 == 0xff)
        };
        let to = |destination: u32| (destination & 0xff) << 12 | (destination >> 8 & 0x7f) << 5;
        let logical = low >> 11 & 1;
        let address = match low >> 18 & 3 {
            0 if broadcast => to(0xff),
            0 => to(destination) | logical << 2,
            1 => to(id),
            2 => to(0xff),
            _ => to(0xff) | (id & 0x7f) << 5 | EXCEPT_SENDER,
        };
        // IPIs are edge-triggered whatever bit 15 says (12.6.1).
        cx.signal(Signal::Message { address: XAPIC_BASE as u32 | address, data: low & 0x7ff | 1 << 14 });
    }

    /// An interrupt message on the bus (12.11).
    fn message(&mut self, address: u32, data: u32, cx: &mut Cx<'_>) {
        if !self.state.enabled() {
            return;
        }
        let (id, cpu) = (self.id(), self.config.cpu);
        let (vector, delivery) = (data as u8, data >> 8 & 7);
        if address & EXCEPT_SENDER != 0 {
            if address >> 5 & 0x7f == id {
                return;
            }
        } else {
            let destination = address >> 12 & 0xff | (address >> 5 & 0x7f) << 8;
            let one = delivery == LOWEST || address & (1 << 3) != 0 && delivery == FIXED;
            if !self.state.is_destination(id, destination, address & (1 << 2) != 0, one) {
                return;
            }
        }
        match delivery {
            // A software-disabled APIC still takes INIT, NMI, SMI and STARTUP (12.4.7.2).
            FIXED | LOWEST if self.state.software_enabled() => {
                let level = data & LEVEL != 0;
                if !level || data & (1 << 14) != 0 {
                    self.request(vector, level, cx);
                }
            }
            SMI => cx.signal(Signal::Smi { cpu: Some(cpu) }),
            NMI => cx.signal(Signal::Nmi { cpu }),
            INIT => {
                self.registers_to_reset(cx);
                cx.signal(Signal::Init { cpu });
            }
            STARTUP => cx.signal(Signal::Startup { cpu, vector }),
            EXT_INT => self.state.ext_message = self.state.intr,
            _ => {}
        }
    }

    // --- registers, by number --------------------------------------------------------------

    fn read_register(&mut self, number: u32, cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        let state = &self.state;
        let x2apic = state.x2apic();
        let word = |bits: &[u32; 8]| bits[(number & 7) as usize];
        let value = match number {
            ID if x2apic => self.id(),
            ID => self.id() << 24,
            VER => VERSION,
            TPR => u32::from(state.tpr),
            APR if !x2apic => 0,
            PPR => u32::from(state.ppr()),
            LDR => state.logical_id(self.id()),
            DFR if !x2apic => state.dfr,
            SVR => state.svr,
            ISR..TMR => word(&state.isr),
            TMR..IRR => word(&state.tmr),
            IRR..ESR => word(&state.irr),
            ESR => state.esr,
            ICR if x2apic => return Ok(state.icr),
            ICR => state.icr as u32,
            ICR_HIGH if !x2apic => (state.icr >> 32) as u32,
            LVT..=LVT_LAST => state.lvt[(number - LVT) as usize],
            INITIAL_COUNT => state.timer.initial,
            CURRENT_COUNT => state.timer.current(self.mode(), cx.now(), self.config.timer_hz),
            DIVIDE => state.timer.divide,
            EOI => return Err(AccessError::Direction),
            SELF_IPI if x2apic => return Err(AccessError::Direction),
            _ => {
                self.error(ILLEGAL_REGISTER, cx);
                self.update(cx);
                return Err(AccessError::NoRegister);
            }
        };
        Ok(u64::from(value))
    }

    fn write_register(&mut self, number: u32, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        let x2apic = self.state.x2apic();
        match number {
            TPR => self.state.tpr = value as u8,
            EOI => self.eoi(cx),
            LDR if !x2apic => self.state.ldr = value & 0xff00_0000,
            DFR if !x2apic => self.state.dfr = value | 0x0fff_ffff,
            SVR => self.write_svr(value, cx),
            ESR => {
                self.state.esr = self.state.errors;
                self.state.errors = 0;
            }
            ICR => {
                self.state.icr = self.state.icr & !0xffff_ffff | u64::from(value & 0x000c_cfff);
                self.send(cx);
            }
            ICR_HIGH if !x2apic => {
                self.state.icr = u64::from(value & 0xff00_0000) << 32 | self.state.icr & 0xffff_ffff;
            }
            LVT..=LVT_LAST => self.write_lvt((number - LVT) as usize, value, cx),
            INITIAL_COUNT if self.mode() != Mode::TscDeadline => {
                self.state.timer.start(value, cx.now());
                self.arm(cx);
            }
            INITIAL_COUNT => {}
            DIVIDE => {
                let mode = self.mode();
                self.state.timer.set_divide(value, mode, cx.now(), self.config.timer_hz);
                self.arm(cx);
            }
            SELF_IPI if x2apic && value as u8 >= 16 => self.request(value as u8, false, cx),
            SELF_IPI if x2apic => self.error(SEND_ILLEGAL_VECTOR, cx),
            ID | VER | APR | PPR | LDR | CURRENT_COUNT | ISR..ESR => return Err(AccessError::Direction),
            _ => {
                self.error(ILLEGAL_REGISTER, cx);
                self.update(cx);
                return Err(AccessError::NoRegister);
            }
        }
        self.update(cx);
        Ok(())
    }

    fn write_svr(&mut self, value: u32, cx: &mut Cx<'_>) {
        self.state.svr = value & 0x3ff;
        if !self.state.software_enabled() {
            // 12.4.7.2: the mask bits are forced while the APIC is software-disabled.
            self.state.lvt.iter_mut().for_each(|lvt| *lvt |= MASKED);
            self.arm(cx);
        }
    }

    fn write_lvt(&mut self, entry: usize, value: u32, cx: &mut Cx<'_>) {
        let (old, old_mode) = (self.state.lvt[entry], self.mode());
        let mut lvt = value & LVT_WRITABLE[entry] | old & REMOTE_IRR;
        if !self.state.software_enabled() {
            lvt |= MASKED;
        }
        if lvt & LEVEL == 0 {
            lvt &= !REMOTE_IRR;
        }
        if entry == TIMER && Mode::of(lvt) != old_mode {
            // 12.5.4.1: a change to or from TSC-deadline mode disarms the timer.
            let crossed = old_mode == Mode::TscDeadline || Mode::of(lvt) == Mode::TscDeadline;
            self.state.timer.tsc_deadline = 0;
            if crossed {
                self.state.timer.start(0, cx.now());
            } else {
                self.state.timer.hold(old_mode, cx.now(), self.config.timer_hz);
            }
        }
        self.state.lvt[entry] = lvt;
        match entry {
            TIMER => self.arm(cx),
            LINT0 => self.lint0_changed(false, cx),
            _ => {}
        }
    }

    /// WRMSR to IA32_APIC_BASE (12.4.3 and figure 12-27).
    fn write_base(&mut self, value: u64, cx: &mut Cx<'_>) -> Option<()> {
        const WRITABLE: u64 = BSP | EXTD | EN | 0x000f_ffff_ffff_f000;
        let old = self.state.apic_base;
        let allowed = match (old & (EN | EXTD), value & (EN | EXTD)) {
            (_, EXTD) => false,
            (0, both) if both == EN | EXTD => false,
            (both, EN) if both == EN | EXTD => false,
            _ => value & !WRITABLE == 0,
        };
        if !allowed {
            return None;
        }
        self.state.apic_base = value;
        if value & EN == 0 {
            self.registers_to_reset(cx);
        } else if value & EXTD != old & EXTD {
            self.state.icr &= 0xffff_ffff;
        }
        self.update(cx);
        Some(())
    }

    /// Whether WRMSR to an x2APIC register sets a reserved bit (table 12-6).
    fn x2apic_reserved(number: u32, value: u64) -> bool {
        let allowed: u64 = match number {
            EOI | ESR => 0,
            TPR | SELF_IPI => 0xff,
            SVR => 0x3ff,
            ICR => 0xffff_ffff_000c_cfff,
            LVT..=LVT_LAST => u64::from(LVT_WRITABLE[(number - LVT) as usize] | 0x1000 | REMOTE_IRR),
            DIVIDE => 0xb,
            _ => 0xffff_ffff,
        };
        value & !allowed != 0
    }
}

// --- register map --------------------------------------------------------------------------

impl MmioDevice for Lapic {
    fn read(&mut self, _window: u8, offset: u64, width: Width, cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        let number = self.xapic_register(offset, width)?;
        self.read_register(number, cx)
    }

    fn write(
        &mut self,
        _window: u8,
        offset: u64,
        width: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        let number = self.xapic_register(offset, width)?;
        self.write_register(number, value as u32, cx)
    }

    fn register(&self, _window: u8, offset: u64) -> Option<&'static str> {
        let number = u32::try_from(offset >> 4).ok()?;
        if offset & 0xf >= 4 { None } else { register_name(number) }
    }
}

impl Lapic {
    /// 12.4.1: registers are 32 bits wide, on 128-bit boundaries.
    fn xapic_register(&self, offset: u64, width: Width) -> Result<u32, AccessError> {
        let here = self.state.apic_base & !0xfff == XAPIC_BASE;
        if !self.state.enabled() || self.state.x2apic() || !here {
            return Err(AccessError::NoResponse);
        }
        if offset & 0xf != 0 || offset >= 0x1000 {
            return Err(AccessError::NoRegister);
        }
        if width != Width::Dword {
            return Err(AccessError::Width);
        }
        Ok((offset >> 4) as u32)
    }
}

/// The manual's name of a register by number.
fn register_name(number: u32) -> Option<&'static str> {
    const LVTS: [&str; 6] = ["LVT_TIMER", "LVT_THERMAL", "LVT_PERF", "LVT_LINT0", "LVT_LINT1", "LVT_ERROR"];
    Some(match number {
        ID => "APIC_ID",
        VER => "APIC_VERSION",
        TPR => "TPR",
        APR => "APR",
        PPR => "PPR",
        EOI => "EOI",
        LDR => "LDR",
        DFR => "DFR",
        SVR => "SVR",
        ISR..TMR => "ISR",
        TMR..IRR => "TMR",
        IRR..ESR => "IRR",
        ESR => "ESR",
        ICR => "ICR_LOW",
        ICR_HIGH => "ICR_HIGH",
        LVT..=LVT_LAST => LVTS[(number - LVT) as usize],
        INITIAL_COUNT => "INITIAL_COUNT",
        CURRENT_COUNT => "CURRENT_COUNT",
        DIVIDE => "DIVIDE_CONFIG",
        SELF_IPI => "SELF_IPI",
        _ => return None,
    })
}

impl InterruptController for Lapic {
    fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        match signal {
            Signal::Intr { level } => {
                let rising = level && !self.state.intr;
                self.state.intr = level;
                self.state.ext_message &= level;
                self.lint0_changed(rising, cx);
            }
            Signal::Message { address, data } => self.message(address, data, cx),
            _ => return,
        }
        self.update(cx);
    }
}

impl LocalApic for Lapic {
    fn cpu(&self) -> usize {
        self.config.cpu
    }

    fn accept(&mut self, cx: &mut Cx<'_>) -> Option<u8> {
        let vector = self.state.deliverable()?;
        put(&mut self.state.irr, vector, false);
        put(&mut self.state.isr, vector, true);
        self.update(cx);
        Some(vector)
    }

    fn cr8(&self) -> u8 {
        self.state.tpr >> 4
    }

    fn set_cr8(&mut self, value: u8, cx: &mut Cx<'_>) {
        self.state.tpr = value << 4;
        self.update(cx);
    }

    fn read_msr(&mut self, msr: u32, cx: &mut Cx<'_>) -> Option<u64> {
        match msr {
            IA32_APIC_BASE => Some(self.state.apic_base),
            IA32_TSC_DEADLINE => Some(self.state.timer.tsc_deadline),
            0x800..=0x8ff if self.state.x2apic() => self.read_register(msr - 0x800, cx).ok(),
            _ => None,
        }
    }

    fn write_msr(&mut self, msr: u32, value: u64, cx: &mut Cx<'_>) -> Option<()> {
        match msr {
            IA32_APIC_BASE => self.write_base(value, cx),
            IA32_TSC_DEADLINE => {
                if self.state.enabled() && self.mode() == Mode::TscDeadline {
                    self.state.timer.tsc_deadline = value;
                    self.arm(cx);
                }
                Some(())
            }
            0x800..=0x8ff if self.state.x2apic() => {
                let number = msr - 0x800;
                if Self::x2apic_reserved(number, value) {
                    return None;
                }
                if number == ICR {
                    self.state.icr = value;
                }
                self.write_register(number, value as u32, cx).ok()
            }
            _ => None,
        }
    }
}

impl Device for Lapic {
    fn identity(&self) -> Identity {
        let window = MmioRange { base: XAPIC_BASE, size: 0x1000, window: 0 };
        Identity {
            name: self.name(),
            model: "local APIC",
            mmio: if self.config.cpu == 0 { vec![window] } else { Vec::new() },
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        self.power_on();
        cx.cancel(TIMER_TOKEN);
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack(&self.name(), state, |_| Ok(()))?;
        Ok(())
    }

    fn may_interrupt_unmaskably(&self) -> bool {
        // Nothing is connected to LINT1.
        let lvt = self.state.lvt[LINT0];
        self.state.enabled() && lvt & MASKED == 0 && is_unmaskable(lvt)
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn event(&mut self, _token: u32, cx: &mut Cx<'_>) {
        if self.mode() == Mode::TscDeadline {
            // 12.5.4.1: the MSR clears when the interrupt is generated.
            self.state.timer.tsc_deadline = 0;
        }
        if self.state.enabled() {
            self.local(TIMER, cx);
        }
        self.arm(cx);
        self.update(cx);
    }

    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        Some(self)
    }

    fn local_apic(&mut self) -> Option<&mut dyn LocalApic> {
        Some(self)
    }
}
