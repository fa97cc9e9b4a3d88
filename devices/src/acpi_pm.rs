//! ACPI power management: the fixed hardware register blocks, and the port that switches
//! between legacy and ACPI mode.
//!
//! ACPI Specification 6.5, chapter 4.8.3. The blocks are those of a PIIX4 (82371AB data sheet,
//! 290562, chapter 7), and so is the PCI function 00:01.3 that tells about them; but they sit at
//! fixed ports from `pm_base` on, and that function does not move them.
//!
//! | port | register |
//! |---|---|
//! | base + 0 | PM1a status, 16 bits |
//! | base + 2 | PM1a enable, 16 bits |
//! | base + 4 | PM1a control, 16 bits |
//! | base + 8 | PM timer, 24 or 32 bits, read-only |
//! | base + 12 | GPE0 status, 16 bits |
//! | base + 14 | GPE0 enable, 16 bits |
//! | 0xb2 | SMI command (APMC): 0xf1 enables ACPI, 0xf0 disables it |
//! | 0xb3 | SMI data (APMS), a scratch byte |
//!
//! A write to port 0xb2 raises SMI# if APMC_EN is set in the function's DEVACTB register (0x58, bit
//! 25). There is no other source of SMIs, and no global switch for them: GLBCTL is not here.
//! ACPI mode is entered without the help of system management mode.
//!
//! Input from outside: `p` presses the power button, `s` the sleep button. Only S5 exists: other
//! sleep types are ignored. Nothing drives the general-purpose events.

use ringhold_emulator::bus::pci::{ConfigSpace, Header, PciAddress};
use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, PciFunction, PortDevice, PortRange, RestoreError, Signal, Width,
};
use serde::{Deserialize, Serialize};

use crate::saved;
use crate::ticks::{ns_at, ticks_at};

/// The PM timer's frequency.
pub const PM_TIMER_HZ: u64 = 3_579_545;
/// SLP_TYP of S5, as `\_S5` says.
pub const S5_TYPE: u8 = 5;
/// The SMI command port.
pub const SMI_COMMAND: u16 = 0xb2;
/// Written to [`SMI_COMMAND`], enters ACPI mode.
pub const ACPI_ENABLE: u8 = 0xf1;
/// Written to [`SMI_COMMAND`], leaves ACPI mode.
pub const ACPI_DISABLE: u8 = 0xf0;

// PM1 status and enable (tables 4.11 and 4.12).
const TMR: u16 = 1 << 0;
const PWRBTN: u16 = 1 << 8;
const SLPBTN: u16 = 1 << 9;
/// Bus master, global, power, sleep, RTC and wake status.
const STATUS_CLEARS: u16 = 0x8731;
/// Timer, global, power, sleep and RTC enable.
const ENABLE_WRITABLE: u16 = 0x0721;

// PM1 control (table 4.13).
const SCI_EN: u16 = 1 << 0;
const CONTROL_WRITABLE: u16 = 0x1c03;
const SLP_EN: u16 = 1 << 13;

const TIMER_TOKEN: u32 = 0;

// Configuration space (82371AB data sheet, 7.1).
const PMBA: usize = 0x40;
/// The byte of DEVACTB with APMC_EN.
const DEVACTB_3: usize = 0x5b;
const APMC_EN: u8 = 1 << 1;
const PMREGMISC: usize = 0x80;

/// How the power management block is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcpiPmConfig {
    /// The first of 16 ports.
    pub pm_base: u16,
    /// The global system interrupt of the SCI.
    pub sci: u8,
    /// Whether the PM timer has 32 bits (TMR_VAL_EXT in the FADT), not 24.
    pub timer_32bit: bool,
}

impl Default for AcpiPmConfig {
    fn default() -> Self {
        Self { pm_base: 0x600, sci: 9, timer_32bit: true }
    }
}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    state: State,
    space: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// PM1 status but for TMR_STS, which follows from the time.
    status: u16,
    enable: u16,
    control: u16,
    /// The timer's half periods when TMR_STS was last cleared.
    cleared: u64,
    gpe_status: u16,
    gpe_enable: u16,
    smi_command: u8,
    smi_data: u8,
    /// The SCI as last driven.
    sci: bool,
}

// --- pure model ----------------------------------------------------------------------------

/// The power management block.
pub struct AcpiPm {
    config: AcpiPmConfig,
    state: State,
    space: ConfigSpace,
}

/// 82371AB data sheet, 7.1.
fn config_space(config: &AcpiPmConfig) -> ConfigSpace {
    let header = Header {
        vendor: 0x8086,
        device: 0x7113,
        revision: 2,
        class: 0x06_80_00,
        subsystem_vendor: 0,
        subsystem: 0,
        interrupt_pin: 1,
        multifunction: false,
    };
    let mut space = ConfigSpace::new(PciAddress::new(1, 3), header);
    // PCICMD: I/O space, which is for the SMBus that is not here. PCISTS: medium DEVSEL timing.
    space.set(0x04, &[0x00, 0x00, 0x80, 0x02]);
    space.allow(0x04, &[0x01, 0x00]);
    space.set(PMBA, &u32::from(config.pm_base | 1).to_le_bytes());
    // DEVACTB: the bits beside APMC_EN are stored without effect.
    space.allow(0x58, &[0xff, 0xff, 0xff, 0x03]);
    // PMIOSE: the registers at PMBA are always enabled.
    space.set(PMREGMISC, &[1]);
    space
}

impl AcpiPm {
    /// The block in its reset state: legacy mode.
    pub fn new(config: AcpiPmConfig) -> Self {
        Self { space: config_space(&config), config, state: State::default() }
    }

    fn timer_bits(&self) -> u32 {
        if self.config.timer_32bit { 32 } else { 24 }
    }

    fn timer(&self, now: u64) -> u32 {
        let ticks = ticks_at(now, PM_TIMER_HZ);
        (ticks & (u64::MAX >> (64 - self.timer_bits()))) as u32
    }

    /// How often the timer's highest bit has changed (4.8.3.3: TMR_STS is set then).
    fn halves(&self, now: u64) -> u64 {
        ticks_at(now, PM_TIMER_HZ) >> (self.timer_bits() - 1)
    }

    fn status(&self, now: u64) -> u16 {
        let timer = if self.halves(now) != self.state.cleared { TMR } else { 0 };
        self.state.status | timer
    }

    /// Drives the SCI and asks for the timer's next change if it matters.
    fn update(&mut self, cx: &mut Cx<'_>) {
        let status = self.status(cx.now());
        let events = status & self.state.enable | self.state.gpe_status & self.state.gpe_enable;
        let sci = self.state.control & SCI_EN != 0 && events != 0;
        if sci != self.state.sci {
            self.state.sci = sci;
            cx.set_line(self.config.sci, sci);
        }
        if self.state.enable & TMR != 0 && status & TMR == 0 {
            let next = u128::from(self.halves(cx.now()) + 1) << (self.timer_bits() - 1);
            cx.schedule(TIMER_TOKEN, ns_at(next, PM_TIMER_HZ));
        } else {
            cx.cancel(TIMER_TOKEN);
        }
    }

    /// The register block as bytes.
    fn image(&self, now: u64) -> [u8; 16] {
        let s = &self.state;
        let timer = self.timer(now);
        let words = [
            self.status(now),
            s.enable,
            s.control,
            0,
            timer as u16,
            (timer >> 16) as u16,
            s.gpe_status,
            s.gpe_enable,
        ];
        let mut bytes = [0; 16];
        for (slot, word) in bytes.chunks_exact_mut(2).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Writes the bits of `mask` in the 16-bit register at `offset`.
    fn write_word(&mut self, offset: u16, value: u16, mask: u16, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        let merge = |old: u16, writable: u16| old & !(mask & writable) | value & mask & writable;
        match offset {
            0 => {
                let ones = value & mask;
                state.status &= !(ones & STATUS_CLEARS);
                if ones & TMR != 0 {
                    self.state.cleared = self.halves(cx.now());
                }
            }
            2 => state.enable = merge(state.enable, ENABLE_WRITABLE),
            4 => {
                state.control = merge(state.control, CONTROL_WRITABLE);
                // SLP_EN is write-only: it starts the sleep that SLP_TYP names (4.8.3.2.1).
                if value & mask & SLP_EN != 0 && (state.control >> 10 & 7) as u8 == S5_TYPE {
                    cx.signal(Signal::PowerOff);
                }
            }
            12 => state.gpe_status &= !(value & mask),
            14 => state.gpe_enable = merge(state.gpe_enable, u16::MAX),
            _ => {}
        }
    }

    fn block(&self, port: u16, width: Width) -> Option<usize> {
        let offset = usize::from(port.checked_sub(self.config.pm_base)?);
        (offset + width.bytes() <= 16).then_some(offset)
    }
}

// --- register map --------------------------------------------------------------------------

impl PortDevice for AcpiPm {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        match (port, width) {
            (SMI_COMMAND, Width::Byte) => return Ok(self.state.smi_command.into()),
            (0xb3, Width::Byte) => return Ok(self.state.smi_data.into()),
            (SMI_COMMAND | 0xb3, _) => return Err(AccessError::Width),
            _ => {}
        }
        let offset = self.block(port, width).ok_or(AccessError::NoRegister)?;
        let image = self.image(cx.now());
        let bytes = &image[offset..offset + width.bytes()];
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        match (port, width) {
            (SMI_COMMAND, Width::Byte) => {
                self.state.smi_command = value as u8;
                match value as u8 {
                    ACPI_ENABLE => self.state.control |= SCI_EN,
                    ACPI_DISABLE => self.state.control &= !SCI_EN,
                    _ => {}
                }
                self.update(cx);
                if self.space.byte(DEVACTB_3) & APMC_EN != 0 {
                    cx.signal(Signal::Smi { cpu: None });
                }
                return Ok(());
            }
            (0xb3, Width::Byte) => {
                self.state.smi_data = value as u8;
                return Ok(());
            }
            (SMI_COMMAND | 0xb3, _) => return Err(AccessError::Width),
            _ => {}
        }
        let offset = self.block(port, width).ok_or(AccessError::NoRegister)?;
        if (6..12).contains(&offset) {
            return Err(if offset < 8 { AccessError::NoRegister } else { AccessError::Direction });
        }
        // Lay value and mask over the aligned words that the access touches.
        let shift = 8 * (offset % 2);
        let value = u64::from(value) << shift;
        let mask = width.ones() << shift;
        for word in 0..3 {
            let (value, mask) = ((value >> (16 * word)) as u16, (mask >> (16 * word)) as u16);
            if mask != 0 {
                self.write_word((offset & !1) as u16 + 2 * word, value, mask, cx);
            }
        }
        self.update(cx);
        Ok(())
    }

    fn register(&self, port: u16, _write: bool) -> Option<&'static str> {
        match port {
            SMI_COMMAND => return Some("SMI_CMD"),
            0xb3 => return Some("SMI_STS"),
            _ => {}
        }
        Some(match self.block(port, Width::Byte)? {
            0 | 1 => "PM1a_STS",
            2 | 3 => "PM1a_EN",
            4 | 5 => "PM1a_CNT",
            8..=11 => "PM_TMR",
            12 | 13 => "GPE0_STS",
            14 | 15 => "GPE0_EN",
            _ => return None,
        })
    }
}

impl PciFunction for AcpiPm {
    fn config(&self) -> &ConfigSpace {
        &self.space
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.space
    }
}

impl Device for AcpiPm {
    fn identity(&self) -> Identity {
        Identity {
            name: "acpi_pm".into(),
            model: "82371AB (PIIX4) power management",
            ports: vec![
                PortRange { first: SMI_COMMAND, count: 2, widest: Width::Byte },
                PortRange { first: self.config.pm_base, count: 16, widest: Width::Dword },
            ],
            irqs: vec![self.config.sci],
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        if self.state.sci {
            cx.set_line(self.config.sci, false);
        }
        // The timer runs on; its status begins clear.
        self.state = State { cleared: self.halves(cx.now()), ..State::default() };
        self.space = config_space(&self.config);
        cx.cancel(TIMER_TOKEN);
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&Saved { state: self.state.clone(), space: self.space.bytes().to_vec() })
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let saved = saved::unpack("acpi_pm", state, |saved: &Saved| {
            let whole = saved.space.len() == self.space.bytes().len();
            if whole { Ok(()) } else { Err("configuration space of a wrong size") }
        })?;
        self.space.set(0, &saved.space);
        self.state = saved.state;
        Ok(())
    }

    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn event(&mut self, _token: u32, cx: &mut Cx<'_>) {
        self.update(cx);
    }

    fn input(&mut self, bytes: &[u8], cx: &mut Cx<'_>) {
        for byte in bytes {
            match byte {
                b'p' => self.state.status |= PWRBTN,
                b's' => self.state.status |= SLPBTN,
                _ => {}
            }
        }
        self.update(cx);
    }
}

// --- tests ---------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::board::Ending;

    fn bench(timer_32bit: bool) -> Bench {
        Bench::new(AcpiPm::new(AcpiPmConfig { timer_32bit, ..AcpiPmConfig::default() }))
    }

    fn word(b: &mut Bench, offset: u16) -> u32 {
        b.board.port_read(0x600 + offset, Width::Word)
    }

    fn set(b: &mut Bench, offset: u16, value: u32) {
        b.board.port_write(0x600 + offset, Width::Word, value);
    }

    /// 4.8.3.3: the timer runs at 3.579545 MHz and cannot be written.
    #[test]
    fn timer() {
        let mut b = bench(true);
        b.advance_to(1_000_000_000);
        b.board.port_write(0x608, Width::Dword, 0);
        assert_eq!(b.board.port_read(0x608, Width::Dword), 3_579_545);
        let mut b = bench(false);
        b.advance_to(5_000_000_000);
        assert_eq!(b.board.port_read(0x608, Width::Dword), (5 * 3_579_545) & 0xff_ffff);
    }

    /// 4.8.3.3: TMR_STS when the highest bit changes, with an SCI only if enabled.
    #[test]
    fn timer_status() {
        let mut b = bench(false);
        let half = ns_at(1 << 23, PM_TIMER_HZ);
        assert_eq!(b.board.fabric.events.next_at(), None);
        set(&mut b, 2, 1);
        b.out8(0xb2, ACPI_ENABLE);
        b.advance_to(half - 1);
        assert_eq!((word(&mut b, 0) & 1, b.level(9)), (0, false));
        b.advance_to(half);
        assert_eq!((word(&mut b, 0) & 1, b.level(9)), (1, true));
        set(&mut b, 0, 1);
        assert_eq!((word(&mut b, 0) & 1, b.level(9)), (0, false));
        b.advance_to(ns_at(1 << 24, PM_TIMER_HZ));
        assert!(b.level(9));
        set(&mut b, 2, 0);
        assert!(!b.level(9));
        assert_eq!(b.board.fabric.events.next_at(), None);
    }

    /// 4.8.2.2: the power button; 4.8.3.1: the SCI needs ACPI mode.
    #[test]
    fn power_button() {
        let mut b = bench(true);
        set(&mut b, 2, 0x100);
        b.input(b"p");
        assert_eq!((word(&mut b, 0), b.level(9)), (0x100, false));
        b.out8(0xb2, ACPI_ENABLE);
        assert_eq!((word(&mut b, 4), b.level(9)), (1, true));
        b.board.port_write(0x600, Width::Dword, 0x0100_0100);
        assert_eq!((word(&mut b, 0), word(&mut b, 2), b.level(9)), (0, 0x100, false));
        b.out8(0xb2, ACPI_DISABLE);
        assert_eq!(word(&mut b, 4), 0);
    }

    /// 4.8.3.2.1: SLP_EN with S5's type turns the power off; others do nothing.
    #[test]
    fn sleep() {
        let mut b = bench(true);
        set(&mut b, 4, 0x2400);
        assert_eq!(b.board.take_ending(), None, "type 1");
        set(&mut b, 4, 0x1401);
        assert_eq!(b.board.take_ending(), None, "without SLP_EN");
        b.out8(0x605, 0x34);
        assert_eq!(b.board.take_ending(), Some(Ending::PowerOff));
        assert_eq!(word(&mut b, 4), 0x1401, "SLP_EN reads as 0");
    }

    /// 82371AB 7.1: the function tells where the registers are; APMC_EN makes port 0xb2 raise SMI#.
    #[test]
    fn smi_command() {
        let mut b = bench(true);
        let at = PciAddress::new(1, 3);
        let mut bytes = [0; 4];
        assert!(b.board.config_read(at, 0, &mut bytes));
        assert_eq!(bytes, [0x86, 0x80, 0x13, 0x71]);
        b.board.config_write(at, 0x40, &[0xff; 4]);
        b.board.config_read(at, 0x40, &mut bytes);
        assert_eq!(u32::from_le_bytes(bytes), 0x601);
        b.out8(0xb2, 1);
        assert!(!b.board.wires[0].smi);
        b.board.config_write(at, 0x5b, &[0xff]);
        b.board.config_read(at, 0x58, &mut bytes);
        assert_eq!(bytes, [0, 0, 0, 3]);
        b.save_and_restore();
        b.out8(0xb3, 1);
        assert!(!b.board.wires[0].smi);
        b.out8(0xb2, 1);
        assert!(b.board.wires[0].smi);
        assert_eq!(b.in8(0xb2), 1);
    }

    #[test]
    fn odd_accesses() {
        let mut b = bench(true);
        b.board.port_write(0x603, Width::Word, 0x0101);
        assert_eq!((word(&mut b, 2), word(&mut b, 4)), (0x100, 1));
        assert_eq!(b.board.port_read(0x603, Width::Word), 0x0101);
        assert_eq!(b.register(0x60e, false).unwrap(), "GPE0_EN");
        assert_eq!(b.register(0x606, false), None);
        b.save_and_restore();
        assert_eq!(word(&mut b, 2), 0x100);
    }
}
