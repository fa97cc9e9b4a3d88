//! The pair of 8259A interrupt controllers, with the edge/level registers of PCI chipsets.
//!
//! Sources: Intel 8259A data sheet (231468-003); for ELCR and for the ignored LTIM bit,
//! Intel 82371SB (PIIX3) data sheet, sections 2.5.6 and 2.5.7.

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, InterruptController, PortDevice, PortRange, RestoreError, Signal,
    Width,
};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// The master's input to which the slave's INT is wired on every PC.
const CASCADE: u8 = 2;

/// What can be chosen about the pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PicConfig {
    /// The device's name.
    pub name: String,
}

impl Default for PicConfig {
    fn default() -> Self {
        Self { name: "pic".into() }
    }
}

// --- model -------------------------------------------------------------------------------

/// Which initialization command word comes next ("Initialization Command Words", figure 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// Never initialized; the chip asks for nothing.
    Cold,
    Icw2,
    Icw3,
    Icw4,
    Ready,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Chip {
    master: bool,
    stage: Stage,
    icw1: u8,
    icw2: u8,
    icw3: u8,
    icw4: u8,
    /// Levels of the IR inputs.
    lines: u8,
    /// Inputs whose low-to-high transition was seen and not acknowledged.
    edge: u8,
    /// Inputs that are level triggered.
    elcr: u8,
    imr: u8,
    isr: u8,
    /// The input of lowest priority; the next one has the highest.
    lowest: u8,
    rotate_in_aeoi: bool,
    special_mask: bool,
    poll: bool,
    read_isr: bool,
}

impl Chip {
    fn new(master: bool) -> Self {
        Self {
            master,
            stage: Stage::Cold,
            icw1: 0,
            icw2: 0,
            icw3: 0,
            icw4: 0,
            lines: 0,
            edge: 0,
            elcr: 0,
            imr: 0,
            isr: 0,
            lowest: 7,
            rotate_in_aeoi: false,
            special_mask: false,
            poll: false,
            read_isr: false,
        }
    }

    /// An edge request counts only while its input stays high ("IR Triggering Timing").
    fn irr(&self) -> u8 {
        self.lines & (self.edge | self.elcr)
    }

    fn set_line(&mut self, ir: u8, level: bool) {
        let bit = 1 << (ir & 7);
        if level {
            self.edge |= bit & !self.lines;
            self.lines |= bit;
        } else {
            self.edge &= !bit;
            self.lines &= !bit;
        }
    }

    /// 0 is the highest priority.
    fn rank(&self, ir: u8) -> u8 {
        ir.wrapping_sub(self.lowest).wrapping_sub(1) & 7
    }

    fn highest(&self, set: u8) -> Option<u8> {
        (0..8).filter(|ir| set >> ir & 1 != 0).min_by_key(|ir| self.rank(*ir))
    }

    /// Inputs behind which a slave sits, as ICW3 told the master.
    fn slaves(&self) -> u8 {
        if self.master && self.icw1 & 0x02 == 0 { self.icw3 } else { 0 }
    }

    /// The request that drives INT.
    fn pending(&self) -> Option<u8> {
        if self.stage != Stage::Ready {
            return None;
        }
        let request = self.highest(self.irr() & !self.imr)?;
        // "Special Mask Mode": a masked level in service no longer inhibits others.
        let inhibiting = if self.special_mask { self.isr & !self.imr } else { self.isr };
        let Some(busy) = self.highest(inhibiting) else { return Some(request) };
        // "Special Fully Nested Mode": a slave in service is not locked out.
        let nested = self.icw4 & 0x10 != 0 && self.slaves() >> request & 1 != 0;
        let passes = self.rank(request) < self.rank(busy) || (nested && request == busy);
        passes.then_some(request)
    }

    /// The acknowledging part of an INTA sequence or of a poll.
    fn take(&mut self) -> Option<u8> {
        let ir = self.pending()?;
        self.edge &= !(1 << ir);
        if self.icw4 & 0x02 == 0 {
            self.isr |= 1 << ir;
        } else if self.rotate_in_aeoi {
            self.lowest = ir;
        }
        Some(ir)
    }

    /// The byte of the second INTA cycle. In MCS-80/85 mode that is the low half of a CALL's
    /// target (tables 2 and 3 of the data sheet), which an x86 processor takes for a vector.
    fn vector(&self, ir: u8) -> u8 {
        let eight_apart = self.icw1 & 0x04 == 0;
        match (self.icw4 & 0x01 != 0, eight_apart) {
            (true, _) => self.icw2 & 0xf8 | ir,
            (false, false) => self.icw1 & 0xe0 | ir << 2,
            (false, true) => self.icw1 & 0xc0 | ir << 3,
        }
    }

    /// "Initialization Command Word 1", points a to f. The in-service bits are cleared too;
    /// the data sheet is silent there and software relies on it.
    fn icw1(&mut self, value: u8) {
        self.icw1 = value;
        self.edge = 0;
        self.imr = 0;
        self.isr = 0;
        self.lowest = 7;
        self.icw3 = if self.master { 0 } else { 7 };
        self.special_mask = false;
        self.read_isr = false;
        self.poll = false;
        self.rotate_in_aeoi = false;
        self.icw4 = 0;
        self.stage = Stage::Icw2;
    }

    fn ocw2(&mut self, value: u8) {
        let level = value & 7;
        // A masked in-service bit survives a non-specific EOI in special mask mode.
        let ended = if self.special_mask { self.isr & !self.imr } else { self.isr };
        let in_service = self.highest(ended);
        match value >> 5 {
            0b000 => self.rotate_in_aeoi = false,
            0b100 => self.rotate_in_aeoi = true,
            command @ (0b001 | 0b101) => {
                if let Some(ir) = in_service {
                    self.isr &= !(1 << ir);
                    if command == 0b101 {
                        self.lowest = ir;
                    }
                }
            }
            0b011 => self.isr &= !(1 << level),
            0b111 => {
                self.isr &= !(1 << level);
                self.lowest = level;
            }
            0b110 => self.lowest = level,
            _ => {}
        }
    }

    fn ocw3(&mut self, value: u8) {
        if value & 0x40 != 0 {
            self.special_mask = value & 0x20 != 0;
        }
        self.poll = value & 0x04 != 0;
        if value & 0x02 != 0 {
            self.read_isr = value & 0x01 != 0;
        }
    }

    fn write(&mut self, a0: bool, value: u8) {
        match (a0, self.stage) {
            (false, _) if value & 0x10 != 0 => self.icw1(value),
            (false, _) if value & 0x08 != 0 => self.ocw3(value),
            (false, _) => self.ocw2(value),
            (true, Stage::Icw2) => {
                self.icw2 = value;
                self.stage = if self.icw1 & 0x02 == 0 { Stage::Icw3 } else { self.after_icw3() };
            }
            (true, Stage::Icw3) => {
                self.icw3 = value;
                self.stage = self.after_icw3();
            }
            (true, Stage::Icw4) => {
                self.icw4 = value;
                self.stage = Stage::Ready;
            }
            (true, Stage::Cold | Stage::Ready) => self.imr = value,
        }
    }

    fn after_icw3(&self) -> Stage {
        if self.icw1 & 0x01 != 0 { Stage::Icw4 } else { Stage::Ready }
    }

    /// A read that is no poll.
    fn read(&self, a0: bool) -> u8 {
        match (a0, self.read_isr) {
            (true, _) => self.imr,
            (false, true) => self.isr,
            (false, false) => self.irr(),
        }
    }

    fn register(&self, a0: bool, write: bool) -> &'static str {
        match (write, a0, self.stage) {
            (true, false, _) => "ICW1/OCW2/OCW3",
            (true, true, Stage::Icw2) => "ICW2",
            (true, true, Stage::Icw3) => "ICW3",
            (true, true, Stage::Icw4) => "ICW4",
            (true, true, _) => "OCW1",
            (false, _, _) if self.poll => "POLL",
            (false, true, _) => "IMR",
            (false, false, _) if self.read_isr => "ISR",
            (false, false, _) => "IRR",
        }
    }
}

// --- saved state -------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    master: Chip,
    slave: Chip,
    intr: bool,
}

impl State {
    fn check(&self) -> Result<(), &'static str> {
        if !self.master.master || self.slave.master {
            return Err("the chips are swapped");
        }
        let priorities = self.master.lowest < 8 && self.slave.lowest < 8;
        if priorities { Ok(()) } else { Err("a priority is out of range") }
    }
}

/// Two 8259A in cascade: ports 0x20-0x21 and 0xa0-0xa1, ELCR at 0x4d0-0x4d1.
///
/// Interrupt lines 0 to 15 are its inputs, except 2, where the slave is.
pub struct Pic {
    config: PicConfig,
    state: State,
}

impl Pic {
    /// A pair after power-on.
    pub fn new(config: PicConfig) -> Self {
        Self { config, state: State { master: Chip::new(true), slave: Chip::new(false), intr: false } }
    }

    /// Brings the cascade wire and INTR in line with the chips.
    fn update(&mut self, cx: &mut Cx<'_>) {
        let State { master, slave, intr } = &mut self.state;
        master.set_line(CASCADE, slave.pending().is_some());
        let level = master.pending().is_some();
        if level != *intr {
            *intr = level;
            cx.signal(Signal::Intr { level });
        }
    }

    /// The slave's INT falls with its acknowledgement, so that a further request is an edge.
    fn take_slave(&mut self) -> Option<u8> {
        let ir = self.state.slave.take();
        self.state.master.set_line(CASCADE, false);
        ir
    }

    fn chip(&mut self, port: u16) -> Option<(&mut Chip, bool)> {
        match port {
            0x20 | 0x21 => Some((&mut self.state.master, port & 1 != 0)),
            0xa0 | 0xa1 => Some((&mut self.state.slave, port & 1 != 0)),
            _ => None,
        }
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Pic {
    fn identity(&self) -> Identity {
        let pair = |first| PortRange { first, count: 2, widest: Width::Byte };
        Identity {
            name: self.config.name.clone(),
            model: "8259A interrupt controller pair",
            ports: vec![pair(0x20), pair(0xa0), pair(0x4d0)],
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        if self.state.intr {
            cx.signal(Signal::Intr { level: false });
        }
        self.state = State { master: Chip::new(true), slave: Chip::new(false), intr: false };
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack(&self.config.name, state, State::check)?;
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        Some(self)
    }
}

impl PortDevice for Pic {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        match port {
            0x4d0 => return Ok(self.state.master.elcr.into()),
            0x4d1 => return Ok(self.state.slave.elcr.into()),
            _ => {}
        }
        let (chip, a0) = self.chip(port).ok_or(AccessError::NoRegister)?;
        if !chip.poll {
            return Ok(chip.read(a0).into());
        }
        // "Poll Command": the read acknowledges.
        chip.poll = false;
        let level = if chip.master { chip.take() } else { self.take_slave() };
        self.update(cx);
        Ok(level.map_or(0, |ir| 0x80 | u32::from(ir)))
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        let value = value as u8;
        match port {
            // IRQ 0, 1, 2, 8 and 13 cannot be level triggered.
            0x4d0 => self.state.master.elcr = value & 0xf8,
            0x4d1 => self.state.slave.elcr = value & 0xde,
            _ => {
                let (chip, a0) = self.chip(port).ok_or(AccessError::NoRegister)?;
                chip.write(a0, value);
            }
        }
        self.update(cx);
        Ok(())
    }

    fn register(&self, port: u16, write: bool) -> Option<&'static str> {
        match port {
            0x20 | 0x21 => Some(self.state.master.register(port & 1 != 0, write)),
            0xa0 | 0xa1 => Some(self.state.slave.register(port & 1 != 0, write)),
            0x4d0 => Some("ELCR1"),
            0x4d1 => Some("ELCR2"),
            _ => None,
        }
    }
}

impl InterruptController for Pic {
    fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        let Signal::Line { gsi, level } = signal else { return };
        match gsi {
            CASCADE => return,
            0..=7 => self.state.master.set_line(gsi, level),
            8..=15 => self.state.slave.set_line(gsi - 8, level),
            _ => return,
        }
        self.update(cx);
    }

    fn acknowledge(&mut self, cx: &mut Cx<'_>) -> Option<u8> {
        let vector = match self.state.master.take() {
            // The request went away: level 7 without an in-service bit.
            None => self.state.master.vector(7),
            Some(ir) if self.state.master.slaves() >> ir & 1 == 0 => self.state.master.vector(ir),
            Some(CASCADE) if self.state.slave.icw3 & 7 == CASCADE => {
                let ir = self.take_slave().unwrap_or(7);
                self.state.slave.vector(ir)
            }
            // Nobody answers on the cascade bus.
            Some(_) => 0xff,
        };
        self.update(cx);
        Some(vector)
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn started(icw4_master: u8) -> Bench {
        let mut bench = Bench::new(Pic::new(PicConfig::default()));
        for (port, value) in [
            (0x20, 0x11),
            (0x21, 0x20),
            (0x21, 0x04),
            (0x21, icw4_master),
            (0xa0, 0x11),
            (0xa1, 0x28),
            (0xa1, 0x02),
            (0xa1, 0x01),
        ] {
            bench.out8(port, value);
        }
        bench
    }

    fn intr(bench: &Bench) -> bool {
        bench.board.wires[0].ext_int
    }

    fn isr(bench: &mut Bench, port: u16) -> u8 {
        bench.out8(port, 0x0b);
        bench.in8(port)
    }

    fn irr(bench: &mut Bench, port: u16) -> u8 {
        bench.out8(port, 0x0a);
        bench.in8(port)
    }

    /// "Interrupt Sequence" and "Fully Nested Mode".
    #[test]
    fn priorities_nest() {
        let mut b = started(1);
        b.line(4, true);
        assert!(intr(&b));
        assert_eq!(irr(&mut b, 0x20), 0x10);
        assert_eq!(b.board.acknowledge(0), Some(0x24));
        assert_eq!((isr(&mut b, 0x20), irr(&mut b, 0x20)), (0x10, 0));
        b.line(6, true);
        assert!(!intr(&b));
        b.line(1, true);
        assert_eq!(b.board.acknowledge(0), Some(0x21));
        assert_eq!(isr(&mut b, 0x20), 0x12);
        b.out8(0x20, 0x20);
        assert_eq!(isr(&mut b, 0x20), 0x10);
        b.out8(0x20, 0x64);
        assert_eq!(isr(&mut b, 0x20), 0);
        assert_eq!(b.board.acknowledge(0), Some(0x26));
    }

    /// "Cascade Mode"; the slave's further request is an edge on the master.
    #[test]
    fn the_slave_answers_for_its_lines() {
        let mut b = started(1);
        b.line(12, true);
        b.line(9, true);
        assert_eq!(b.board.acknowledge(0), Some(0x29));
        assert_eq!((isr(&mut b, 0x20), isr(&mut b, 0xa0)), (0x04, 0x02));
        b.out8(0xa0, 0x20);
        assert!(!intr(&b));
        b.out8(0x20, 0x20);
        assert_eq!(b.board.acknowledge(0), Some(0x2c));
    }

    /// "Special Fully Nested Mode": a higher request of the same slave gets through.
    #[test]
    fn special_fully_nested_mode() {
        for (icw4, expected) in [(0x01, false), (0x11, true)] {
            let mut b = started(icw4);
            b.line(12, true);
            assert_eq!(b.board.acknowledge(0), Some(0x2c));
            b.line(9, true);
            assert_eq!(intr(&b), expected);
        }
    }

    /// "IR Triggering Timing": a request that is gone becomes level 7, without an ISR bit.
    #[test]
    fn spurious_interrupts() {
        let mut b = started(1);
        b.line(3, true);
        b.line(3, false);
        assert!(!intr(&b));
        assert_eq!(irr(&mut b, 0x20), 0);
        let (pic, fabric) = b.board.device(b.id).unwrap();
        let mut cx = fabric.cx(b.id);
        assert_eq!(pic.interrupts().unwrap().acknowledge(&mut cx), Some(0x27));
        assert_eq!(isr(&mut b, 0x20), 0);

        let mut pic = Pic::new(PicConfig::default());
        pic.state.master = Chip { stage: Stage::Ready, icw2: 0x20, icw3: 4, icw4: 1, ..Chip::new(true) };
        pic.state.slave = Chip { stage: Stage::Ready, icw2: 0x28, icw3: 2, icw4: 1, ..Chip::new(false) };
        pic.state.master.set_line(CASCADE, true);
        assert_eq!(pic.acknowledge(&mut b.board.fabric.cx(b.id)), Some(0x2f));
        assert_eq!((pic.state.master.isr, pic.state.slave.isr), (4, 0));
    }

    /// "Edge and Level Triggered Modes", ELCR in PIIX3 2.5.7.
    #[test]
    fn level_lines_ask_again_and_edges_do_not() {
        let mut b = started(1);
        b.out8(0x4d0, 0xff);
        b.out8(0x4d1, 0xff);
        assert_eq!((b.in8(0x4d0), b.in8(0x4d1)), (0xf8, 0xde));
        for (line, again) in [(5, true), (1, false), (11, true)] {
            b.line(line, true);
            assert!(b.board.acknowledge(0).is_some());
            b.out8(0xa0, 0x20);
            b.out8(0x20, 0x20);
            assert_eq!(intr(&b), again, "line {line}");
            b.line(line, false);
            assert!(!intr(&b));
        }
    }

    /// "Automatic Rotation", "Specific Rotation".
    #[test]
    fn rotation() {
        let mut b = started(1);
        for line in [3, 4] {
            b.line(line, true);
        }
        assert_eq!(b.board.acknowledge(0), Some(0x23));
        b.line(3, false);
        b.line(3, true);
        b.out8(0x20, 0xa0);
        assert_eq!(b.board.acknowledge(0), Some(0x24), "3 went to the bottom");
        b.out8(0x20, 0xe4);
        b.out8(0x20, 0xc5);
        b.line(6, true);
        assert_eq!(b.board.acknowledge(0), Some(0x26), "5 is the lowest, so 6 is the highest");
    }

    /// "Automatic End of Interrupt", with and without rotation.
    #[test]
    fn automatic_eoi() {
        let mut b = started(3);
        b.out8(0x20, 0x80);
        b.line(1, true);
        b.line(5, true);
        assert_eq!(b.board.acknowledge(0), Some(0x21));
        assert_eq!(isr(&mut b, 0x20), 0);
        b.line(1, false);
        b.line(1, true);
        assert_eq!(b.board.acknowledge(0), Some(0x25));
    }

    /// "Special Mask Mode" and its rule for the non-specific EOI.
    #[test]
    fn special_mask_mode() {
        let mut b = started(1);
        b.line(3, true);
        b.board.acknowledge(0);
        b.line(6, true);
        b.out8(0x21, 0x08);
        assert!(!intr(&b));
        b.out8(0x20, 0x68);
        assert!(intr(&b));
        assert_eq!(b.board.acknowledge(0), Some(0x26));
        b.out8(0x20, 0x20);
        assert_eq!(isr(&mut b, 0x20), 0x08);
        b.out8(0x20, 0x20);
        assert_eq!(isr(&mut b, 0x20), 0x08);
        b.out8(0x20, 0x48);
        b.out8(0x20, 0x20);
        assert_eq!(isr(&mut b, 0x20), 0);
    }

    /// "Poll Command".
    #[test]
    fn polling_acknowledges() {
        let mut b = started(1);
        b.out8(0x20, 0x0c);
        assert_eq!(b.in8(0x20), 0);
        b.line(7, true);
        b.out8(0x20, 0x0c);
        assert_eq!(b.register(0x20, false).as_deref(), Some("POLL"));
        assert_eq!(b.in8(0x20), 0x87);
        assert!(!intr(&b));
        assert_eq!(isr(&mut b, 0x20), 0x80);
    }

    /// "Initialization Command Words 1 and 2": edges are forgotten, registers named by stage.
    #[test]
    fn initialization() {
        let mut b = started(1);
        b.line(4, true);
        b.out8(0x21, 0xff);
        b.out8(0x20, 0x13);
        assert_eq!(b.register(0x21, true).as_deref(), Some("ICW2"));
        b.out8(0x21, 0x40);
        assert_eq!(b.register(0x21, true).as_deref(), Some("ICW4"));
        b.out8(0x21, 0x01);
        assert_eq!(b.in8(0x21), 0);
        assert!(!intr(&b));
        b.line(4, false);
        b.line(4, true);
        assert_eq!(b.board.acknowledge(0), Some(0x44));
        let (pic, fabric) = b.board.device(b.id).unwrap();
        let ports = pic.ports().unwrap();
        assert_eq!(ports.read(0x20, Width::Word, &mut fabric.cx(b.id)), Err(AccessError::Width));
    }
}
