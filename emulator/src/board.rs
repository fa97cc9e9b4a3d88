//! The board: the devices, the buses between them, and the delivery of signals.

use serde::{Deserialize, Serialize};

use crate::bus::pci::{BarKind, Mapping, Mechanism1, PciAddress};
use crate::bus::ports::{PortConflict, PortMap};
use crate::bus::{
    AccessError, Device, DeviceId, Driver, Fabric, Identity, Lines, PortRange, Signal, Width, mmio,
};
use crate::memory::{MapConflict, Memory, Monitor, Range, Target, View};
use crate::points::{Direction, Place, Watches};
use crate::time::{Clock, EventQueue};

/// The first port of PCI configuration mechanism #1.
const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;
/// The line that reports x87 errors to the interrupt controllers of a PC when CR0.NE is clear.
const FERR_LINE: u8 = 13;

/// What one processor hears from outside itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wires {
    /// A maskable interrupt of the local APIC is deliverable.
    pub fixed: bool,
    /// The 8259 pair's INTR reaches the processor.
    pub ext_int: bool,
    /// An NMI edge has come and was not taken yet.
    pub nmi: bool,
    /// An SMI has come and was not taken yet.
    pub smi: bool,
    /// INIT has come and was not taken yet.
    pub init: bool,
    /// IGNNE#: x87 instructions go on whatever exception is pending.
    pub ignne: bool,
    /// STARTUP has come and was not taken yet.
    pub startup: Option<u8>,
}

impl Wires {
    /// Whether a maskable interrupt waits.
    pub fn interrupt(&self) -> bool {
        self.fixed || self.ext_int
    }
}

/// Why the whole machine should stop; set by devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Value written to the debug-exit device.
    Exit(u32),
    /// The power was turned off.
    PowerOff,
    /// A reset was asked for.
    Reset,
}

/// A device cannot be attached where it wants to be.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Ports overlap.
    #[error("{device}: {source}")]
    Ports {
        /// The device's name.
        device: String,
        /// Which ports.
        source: PortConflict,
    },
    /// Physical windows overlap.
    #[error("{device}: {source}")]
    Mmio {
        /// The device's name.
        device: String,
        /// Which window.
        source: MapConflict,
    },
    /// A PCI slot or a name is taken.
    #[error("{device}: {what} is taken already")]
    Taken {
        /// The device's name.
        device: String,
        /// What it wanted.
        what: String,
    },
}

/// What a port or memory access hit; the raw material of receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The device's name.
    pub device: String,
    /// The register's name, where the device knows one.
    pub register: Option<String>,
}

/// Devices, buses, memory and time: everything but the processors.
pub struct Board {
    /// What the devices share.
    pub fabric: Fabric,
    /// What each processor hears.
    pub wires: Vec<Wires>,
    devices: Vec<Box<dyn Device>>,
    names: Vec<String>,
    ports: PortMap,
    config: Mechanism1,
    functions: Vec<(PciAddress, DeviceId)>,
    mapped: Vec<(DeviceId, Mapping)>,
    controllers: Vec<DeviceId>,
    local_apics: Vec<Option<DeviceId>>,
    ending: Option<Ending>,
    /// The processor is in system management mode. Hot twin of its state.
    smm: bool,
    /// Accesses of the processor at which the machine stops.
    pub watches: Watches,
    /// The physical map or the A20 gate changed: TLBs must be flushed before the next instruction.
    pub map_changed: bool,
    /// A device was touched or an event ran: the run loop looks at wires and deadlines again.
    pub attention: bool,
}

impl Board {
    /// An empty board for `cpus` processors.
    pub fn new(memory: Memory, clock: Clock, cpus: usize) -> Self {
        Self {
            fabric: Fabric {
                memory,
                clock,
                events: EventQueue::default(),
                signals: Default::default(),
                lines: Lines::default(),
                output: Vec::new(),
            },
            wires: vec![Wires::default(); cpus],
            devices: Vec::new(),
            names: Vec::new(),
            ports: PortMap::default(),
            config: Mechanism1::default(),
            functions: Vec::new(),
            mapped: Vec::new(),
            controllers: Vec::new(),
            local_apics: vec![None; cpus],
            ending: None,
            smm: false,
            watches: Watches::default(),
            map_changed: false,
            attention: false,
        }
    }

    /// Puts a device on the board.
    ///
    /// # Errors
    /// When its name, ports, windows or PCI slot are taken.
    pub fn attach(&mut self, mut device: Box<dyn Device>) -> Result<DeviceId, AttachError> {
        let id = DeviceId(self.devices.len() as u16);
        let identity = device.identity();
        let name = || identity.name.clone();
        if self.names.contains(&identity.name) {
            return Err(AttachError::Taken { device: name(), what: "the name".into() });
        }
        if let Some(function) = device.pci() {
            let address = function.config().address;
            if self.function(address).is_some() {
                return Err(AttachError::Taken { device: name(), what: format!("PCI slot {address}") });
            }
            self.functions.push((address, id));
            self.functions.sort();
        }
        for range in &identity.ports {
            let reserved = PortConflict { first: CONFIG_ADDRESS, last: CONFIG_DATA + 3, owner: id };
            let last = range.first.saturating_add(range.count.saturating_sub(1));
            if range.first < CONFIG_DATA + 4 && last >= CONFIG_ADDRESS && last != 0xcf9 {
                return Err(AttachError::Ports { device: name(), source: reserved });
            }
            self.ports.claim(id, range).map_err(|source| AttachError::Ports { device: name(), source })?;
        }
        for window in &identity.mmio {
            let range = Range::mmio(window.base, window.size, id, window.window);
            let map = self.fabric.memory.map_mut();
            map.add(range).map_err(|source| AttachError::Mmio { device: name(), source })?;
        }
        if device.interrupts().is_some() {
            self.controllers.push(id);
        }
        if let Some(slot) = device.local_apic().and_then(|apic| self.local_apics.get_mut(apic.cpu())) {
            *slot = Some(id);
        }
        self.names.push(identity.name);
        self.devices.push(device);
        self.remap(id);
        Ok(id)
    }

    /// Resets every device and forgets pending events, signals and endings.
    pub fn reset(&mut self) {
        self.fabric.events = EventQueue::default();
        self.fabric.signals.clear();
        for gsi in self.fabric.lines.release() {
            self.fabric.signals.push_back(Signal::Line { gsi, level: false });
        }
        self.wires.fill(Wires::default());
        self.fabric.memory.monitor = Monitor::default();
        self.config = Mechanism1::default();
        self.ending = None;
        for index in 0..self.devices.len() {
            let id = DeviceId(index as u16);
            self.devices[index].reset(&mut self.fabric.cx(id));
            self.remap(id);
        }
        self.settle();
    }

    /// What each device is, in the order of attachment.
    pub fn identities(&self) -> Vec<Identity> {
        self.devices.iter().map(|device| device.identity()).collect()
    }

    /// The device's name.
    pub fn name(&self, id: DeviceId) -> &str {
        self.names.get(usize::from(id.0)).map_or("?", String::as_str)
    }

    /// The device of this name.
    pub fn find(&self, name: &str) -> Option<DeviceId> {
        self.names.iter().position(|n| n == name).map(|i| DeviceId(i as u16))
    }

    /// The device itself and the fabric, for tests and for the builder.
    pub fn device(&mut self, id: DeviceId) -> Option<(&mut dyn Device, &mut Fabric)> {
        let device = self.devices.get_mut(usize::from(id.0))?;
        Some((device.as_mut(), &mut self.fabric))
    }

    /// Every device's saved state, in the order of attachment.
    pub fn device_states(&self) -> Vec<(&str, Vec<u8>)> {
        self.names.iter().map(String::as_str).zip(self.devices.iter().map(|d| d.save())).collect()
    }

    /// Board state that no device holds: the configuration address latch, wires, ending and what the
    /// processor sees and monitors of memory.
    pub fn own_state(&self) -> (Mechanism1, &[Wires], Option<Ending>, View, Monitor) {
        (self.config, &self.wires, self.ending, self.fabric.memory.view(), self.fabric.memory.monitor)
    }

    /// Takes the reason to stop, if a device gave one.
    pub fn take_ending(&mut self) -> Option<Ending> {
        self.ending.take()
    }

    /// Whether a device asked to stop.
    pub fn has_ending(&self) -> bool {
        self.ending.is_some()
    }

    // --- ports ---------------------------------------------------------------------------

    /// A port read as the processor makes it; what nobody answers reads as all ones.
    pub fn port_read(&mut self, port: u16, width: Width) -> u32 {
        let mut value = 0;
        let mut done = 0;
        while done < width.bytes() {
            let at = port.wrapping_add(done as u16);
            let piece = self.port_piece(at, width.bytes() - done);
            value |= u64::from(self.port_read_piece(at, piece)) << (8 * done);
            done += piece.bytes();
        }
        self.settle();
        value as u32
    }

    /// A port write as the processor makes it; what nobody answers is lost.
    pub fn port_write(&mut self, port: u16, width: Width, value: u32) {
        let mut done = 0;
        while done < width.bytes() {
            let at = port.wrapping_add(done as u16);
            let piece = self.port_piece(at, width.bytes() - done);
            self.port_write_piece(at, piece, value >> (8 * done) & piece.ones() as u32);
            done += piece.bytes();
        }
        self.settle();
    }

    /// Tells the watches of a port access that the instruction at `count` is about to make; gives
    /// whether it is to be held back. An access to CONFIG_DATA is one to a function's
    /// configuration space as well.
    #[cold]
    pub(crate) fn watch_port(&mut self, count: u64, port: u16, width: Width, direction: Direction) -> bool {
        let reach = width.bytes() as u16 - 1;
        let ports = Place::Ports(port, port.saturating_add(reach));
        let lane = port.checked_sub(CONFIG_DATA).filter(|lane| *lane < 4);
        let held = match lane.and_then(|lane| Some((lane, self.config.target(lane)?))) {
            Some((lane, (function, offset))) => {
                let last = offset + reach.min(3 - lane);
                self.watches.access(count, &[ports, Place::Config(function, offset, last)], direction)
            }
            None => self.watches.access(count, &[ports], direction),
        };
        self.attention |= self.watches.has_hits();
        held
    }

    /// Which device and register answer at `port`.
    pub fn port_hit(&mut self, port: u16, write: bool) -> Option<Hit> {
        if (CONFIG_ADDRESS..CONFIG_DATA + 4).contains(&port) && self.ports.find(port).is_none() {
            let register = if port < CONFIG_DATA { "CONFIG_ADDRESS" } else { "CONFIG_DATA" };
            return Some(Hit { device: "pci".into(), register: Some(register.into()) });
        }
        let (id, _) = self.ports.find(port)?;
        let register = self.devices[usize::from(id.0)].ports().and_then(|p| p.register(port, write));
        Some(Hit { device: self.name(id).into(), register: register.map(Into::into) })
    }

    fn port_piece(&self, port: u16, left: usize) -> Width {
        if left == 1 {
            return Width::Byte;
        }
        let widest = match port {
            CONFIG_ADDRESS | CONFIG_DATA => Width::Dword,
            0xcfe => Width::Word,
            _ => self.ports.find(port).map_or(Width::Byte, |found| found.1),
        };
        [Width::Dword, Width::Word]
            .into_iter()
            .find(|w| *w <= widest && w.bytes() <= left)
            .unwrap_or(Width::Byte)
    }

    fn port_read_piece(&mut self, port: u16, width: Width) -> u32 {
        let ones = width.ones() as u32;
        if let Some((id, _)) = self.ports.find(port) {
            let mut cx = self.fabric.cx(id);
            let device = self.devices[usize::from(id.0)].ports();
            let read = device.ok_or(AccessError::NoResponse).and_then(|d| d.read(port, width, &mut cx));
            return read.unwrap_or(ones) & ones;
        }
        match port {
            CONFIG_ADDRESS if width == Width::Dword => self.config.address,
            CONFIG_DATA.. if port < CONFIG_DATA + 4 => {
                let Some((address, register)) = self.config.target(port - CONFIG_DATA) else { return ones };
                let mut bytes = [0xff; 4];
                self.config_read(address, register, &mut bytes[..width.bytes()]);
                u32::from_le_bytes(bytes) & ones
            }
            _ => ones,
        }
    }

    fn port_write_piece(&mut self, port: u16, width: Width, value: u32) {
        if let Some((id, _)) = self.ports.find(port) {
            let mut cx = self.fabric.cx(id);
            if let Some(device) = self.devices[usize::from(id.0)].ports() {
                // A refused write is lost, as on the bus.
                let _ = device.write(port, width, value, &mut cx);
            }
            return;
        }
        match port {
            CONFIG_ADDRESS if width == Width::Dword => self.config.address = value & 0x80ff_fffc,
            CONFIG_DATA.. if port < CONFIG_DATA + 4 => {
                if let Some((address, register)) = self.config.target(port - CONFIG_DATA) {
                    self.config_write(address, register, &value.to_le_bytes()[..width.bytes()]);
                }
            }
            _ => {}
        }
    }

    // --- PCI configuration space ---------------------------------------------------------

    /// The device that is the function at `address`.
    pub fn function(&self, address: PciAddress) -> Option<DeviceId> {
        let at = self.functions.binary_search_by_key(&address, |f| f.0).ok()?;
        Some(self.functions[at].1)
    }

    /// All functions, by address.
    pub fn functions(&self) -> &[(PciAddress, DeviceId)] {
        &self.functions
    }

    /// Reads config bytes; an absent function leaves the buffer alone and gives `false`.
    pub fn config_read(&mut self, address: PciAddress, offset: u16, buffer: &mut [u8]) -> bool {
        let Some(id) = self.function(address) else { return false };
        let Some(function) = self.devices[usize::from(id.0)].pci() else { return false };
        for (i, byte) in buffer.iter_mut().enumerate() {
            *byte = function.config().byte(usize::from(offset) + i);
        }
        true
    }

    /// Writes config bytes by the field rules, as a configuration cycle does, and re-maps the
    /// function's BARs; an absent function gives `false`.
    pub fn config_write(&mut self, address: PciAddress, offset: u16, bytes: &[u8]) -> bool {
        let Some(id) = self.function(address) else { return false };
        let mut cx = self.fabric.cx(id);
        let Some(function) = self.devices[usize::from(id.0)].pci() else { return false };
        for (i, byte) in bytes.iter().enumerate() {
            function.config_mut().write(usize::from(offset) + i, *byte);
        }
        function.config_written(offset, bytes.len() as u16, &mut cx);
        self.remap(id);
        self.settle();
        true
    }

    /// Stores config bytes past every rule (`Backdoor`), and re-maps the function's BARs.
    pub fn config_set(&mut self, address: PciAddress, offset: u16, bytes: &[u8]) -> bool {
        let Some(id) = self.function(address) else { return false };
        let Some(function) = self.devices[usize::from(id.0)].pci() else { return false };
        function.config_mut().set(usize::from(offset), bytes);
        self.remap(id);
        true
    }

    /// The BARs that are decoded now.
    pub fn mappings(&self) -> &[(DeviceId, Mapping)] {
        &self.mapped
    }

    /// Brings the decoded BARs of `id` in line with its config space. A BAR that would cover
    /// something else is left undecoded.
    pub fn remap(&mut self, id: DeviceId) {
        let Some(function) = self.devices[usize::from(id.0)].pci() else { return };
        let wanted = function.config().mappings();
        let old: Vec<Mapping> = self.mapped.iter().filter(|m| m.0 == id).map(|m| m.1).collect();
        if old == wanted {
            return;
        }
        self.mapped.retain(|m| m.0 != id);
        for mapping in old {
            match mapping.bar.kind {
                BarKind::Io => self.ports.release(id, mapping.base as u16),
                _ => drop(self.fabric.memory.map_mut().remove(mapping.base)),
            }
        }
        for mapping in wanted {
            let decoded = match mapping.bar.kind {
                BarKind::Io => {
                    let count = mapping.bar.size as u16;
                    let range = PortRange { first: mapping.base as u16, count, widest: Width::Dword };
                    self.ports.claim(id, &range).is_ok()
                }
                _ => {
                    let range = Range::mmio(mapping.base, mapping.bar.size, id, mapping.bar.number);
                    self.fabric.memory.map_mut().add(range).is_ok()
                }
            };
            if decoded {
                self.mapped.push((id, mapping));
            }
        }
        self.mapped.sort_by_key(|m| (m.0, m.1.bar.number));
        self.map_changed = true;
        self.attention = true;
    }

    // --- memory windows ------------------------------------------------------------------

    /// A memory read that hit a device window. Wider and unaligned accesses are split into
    /// naturally aligned pieces.
    pub fn mmio_read(&mut self, device: DeviceId, window: u8, offset: u64, buffer: &mut [u8]) {
        for (at, width) in mmio::pieces(offset, buffer.len(), Width::Qword) {
            let mut cx = self.fabric.cx(device);
            let registers = self.devices[usize::from(device.0)].mmio();
            let read = registers
                .ok_or(AccessError::NoResponse)
                .and_then(|r| r.read(window, offset + at as u64, width, &mut cx));
            let value = read.unwrap_or(width.ones()).to_le_bytes();
            buffer[at..at + width.bytes()].copy_from_slice(&value[..width.bytes()]);
        }
        self.settle();
    }

    /// A memory write that hit a device window.
    pub fn mmio_write(&mut self, device: DeviceId, window: u8, offset: u64, bytes: &[u8]) {
        for (at, width) in mmio::pieces(offset, bytes.len(), Width::Qword) {
            let mut value = [0; 8];
            value[..width.bytes()].copy_from_slice(&bytes[at..at + width.bytes()]);
            let mut cx = self.fabric.cx(device);
            if let Some(registers) = self.devices[usize::from(device.0)].mmio() {
                // A refused write is lost, as on the bus.
                let _ =
                    registers.write(window, offset + at as u64, width, u64::from_le_bytes(value), &mut cx);
            }
        }
        self.settle();
    }

    /// Which device and register answer at a physical address, if a device does.
    pub fn mmio_hit(&mut self, address: u64) -> Option<Hit> {
        let Target::Mmio { device, window, offset } = self.fabric.memory.target(address) else { return None };
        let register = self.devices[usize::from(device.0)].mmio().and_then(|m| m.register(window, offset));
        Some(Hit { device: self.name(device).into(), register: register.map(Into::into) })
    }

    // --- events and signals --------------------------------------------------------------

    /// Runs every event that is due now.
    pub fn run_events(&mut self) {
        while let Some(event) = self.fabric.events.pop_due(self.fabric.clock.now_ns()) {
            if let Some(device) = self.devices.get_mut(usize::from(event.device.0)) {
                device.event(event.token, &mut self.fabric.cx(event.device));
            }
            self.settle();
        }
    }

    /// Hands outside input to a device.
    pub fn input(&mut self, id: DeviceId, bytes: &[u8]) {
        if let Some(device) = self.devices.get_mut(usize::from(id.0)) {
            device.input(bytes, &mut self.fabric.cx(id));
        }
        self.settle();
    }

    /// Delivers all signals, in the order in which they were sent, until none is left.
    pub fn settle(&mut self) {
        while let Some(signal) = self.fabric.signals.pop_front() {
            self.deliver(signal);
            self.attention = true;
        }
        self.attention |= self.fabric.events.take_changed() || self.fabric.memory.has_stale_code();
    }

    fn deliver(&mut self, signal: Signal) {
        match signal {
            Signal::Deliverable { cpu, level } => self.wire(cpu, |w| w.fixed = level),
            Signal::ExtInt { cpu, level } => self.wire(cpu, |w| w.ext_int = level),
            Signal::Nmi { cpu } => self.wire(cpu, |w| w.nmi = true),
            Signal::Smi { cpu: Some(cpu) } => self.wire(cpu, |w| w.smi = true),
            Signal::Smi { cpu: None } => self.wires.iter_mut().for_each(|w| w.smi = true),
            Signal::Init { cpu } => self.wire(cpu, |w| w.init = true),
            Signal::Startup { cpu, vector } => self.wire(cpu, |w| w.startup = Some(vector)),
            Signal::Intr { level } if self.local_apics.iter().all(Option::is_none) => {
                self.wire(0, |w| w.ext_int = level);
            }
            Signal::Intr { .. } | Signal::Line { .. } | Signal::Message { .. } | Signal::Eoi { .. } => {
                for index in 0..self.controllers.len() {
                    let id = self.controllers[index];
                    if let Some(controller) = self.devices[usize::from(id.0)].interrupts() {
                        controller.signal(signal, &mut self.fabric.cx(id));
                    }
                }
            }
            Signal::CoprocessorError => self.clear_coprocessor_error(),
            Signal::A20 | Signal::Smram => self.refresh_view(),
            Signal::Reset => self.end(Ending::Reset),
            Signal::PowerOff => self.end(Ending::PowerOff),
            Signal::Exit { value } => self.end(Ending::Exit(value)),
        }
    }

    /// A write to the coprocessor error register: the interrupt goes away, and a processor whose
    /// FERR# is asserted ignores numeric errors until it is not any more.
    fn clear_coprocessor_error(&mut self) {
        for cpu in 0..self.wires.len() {
            let driver = Driver::Ferr(cpu);
            if self.fabric.lines.is_driven_by(FERR_LINE, driver) {
                self.fabric.set_line(FERR_LINE, driver, false);
                self.wires[cpu].ignne = true;
            }
        }
    }

    /// Whether FERR# of a processor is asserted.
    pub fn ferr(&self, cpu: usize) -> bool {
        let ignored = self.wires.get(cpu).is_some_and(|wires| wires.ignne);
        ignored || self.fabric.lines.is_driven_by(FERR_LINE, Driver::Ferr(cpu))
    }

    /// FERR# of a processor changed: a PC wires it to an interrupt line; IGNNE# ends with it.
    pub fn set_ferr(&mut self, cpu: usize, level: bool) {
        self.fabric.set_line(FERR_LINE, Driver::Ferr(cpu), level);
        if !level {
            self.wire(cpu, |w| w.ignne = false);
        }
        self.settle();
    }

    /// Tells the chipset (SMIACT#) whether the processor is in system management mode.
    pub fn set_smm(&mut self, smm: bool) {
        if self.smm != smm {
            self.smm = smm;
            self.refresh_view();
        }
    }

    /// Whether the processor is in system management mode, as the chipset knows.
    pub fn smm(&self) -> bool {
        self.smm
    }

    /// Whether an SMI, NMI or INIT may come in time.
    pub(crate) fn may_interrupt_unmaskably(&self) -> bool {
        self.devices.iter().any(|device| device.may_interrupt_unmaskably())
    }

    /// Finds out anew what the processor sees of memory.
    fn refresh_view(&mut self) {
        // The gates are OR-ed, as on boards with a fast gate beside that of the keyboard
        // controller; a board without any has no mask. In system management mode the processor
        // does not look at A20M#.
        let gates = self.devices.iter().filter_map(|device| device.a20());
        let a20 = self.smm || gates.reduce(|one, other| one || other).unwrap_or(true);
        let smram = self.devices.iter().find_map(|device| device.smram()).unwrap_or_default();
        let view = View {
            a20,
            smram_data: smram.enabled && (smram.open || self.smm && !smram.closed),
            smram_code: smram.enabled && (smram.open || self.smm),
        };
        self.map_changed |= self.fabric.memory.set_view(view);
    }

    /// The first reason to stop wins.
    fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    fn wire(&mut self, cpu: usize, change: impl FnOnce(&mut Wires)) {
        if let Some(wires) = self.wires.get_mut(cpu) {
            change(wires);
        }
    }

    // --- what a processor asks of the interrupt controllers -------------------------------

    /// Takes the interrupt that `cpu` is to serve: the local APIC's before the 8259's.
    /// `None` if it went away (the processor then goes on; a real 8259 gives a spurious vector).
    pub fn acknowledge(&mut self, cpu: usize) -> Option<u8> {
        let wires = *self.wires.get(cpu)?;
        let mut vector = None;
        if wires.fixed {
            vector = self.with_local_apic(cpu, |apic, cx| apic.accept(cx)).flatten();
        } else if wires.ext_int {
            for index in 0..self.controllers.len() {
                let id = self.controllers[index];
                let controller = self.devices[usize::from(id.0)].interrupts();
                vector = controller.and_then(|c| c.acknowledge(&mut self.fabric.cx(id)));
                if vector.is_some() {
                    break;
                }
            }
        }
        self.settle();
        vector
    }

    /// Calls into the local APIC of `cpu`, if there is one; signals it sends are delivered.
    pub fn with_local_apic<R>(
        &mut self,
        cpu: usize,
        call: impl FnOnce(&mut dyn crate::bus::LocalApic, &mut crate::bus::Cx<'_>) -> R,
    ) -> Option<R> {
        let id = (*self.local_apics.get(cpu)?)?;
        let apic = self.devices[usize::from(id.0)].local_apic()?;
        let result = call(apic, &mut self.fabric.cx(id));
        self.settle();
        Some(result)
    }
}
