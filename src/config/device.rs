//! The devices that a config can ask for.

use ringhold_devices as devices;
use ringhold_emulator::bus::Device;
use serde::{Deserialize, Serialize};

use super::Config;

macro_rules! device_configs {
    ($($(#[$doc:meta])* $variant:ident($config:ty) = $kind:literal => $make:expr;)*) => {
        /// One device, with what can be chosen about it.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum DeviceConfig {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($config),)*
        }

        impl DeviceConfig {
            /// The word that configs use for it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// The device after power-on, as a part of the machine of `config`.
            pub fn make(&self, config: &Config) -> Box<dyn Device> {
                match self {
                    $(Self::$variant(own) => {
                        let make: fn($config, &Config) -> _ = $make;
                        Box::new(make(own.clone(), config))
                    })*
                }
            }
        }
    };
}

device_configs! {
    /// The pair of 8259A interrupt controllers.
    Pic(devices::pic::PicConfig) = "pic" => |own, _| devices::pic::Pic::new(own);
    /// The fast A20 gate and the fast reset.
    Port92(devices::port92::Port92Config) = "port92" => |own, _| devices::port92::Port92::new(own);
    /// The POST code port and the latches beside it.
    Post(devices::post::PostConfig) = "post" => |own, _| devices::post::Post::new(own);
    /// The console at port 0xe9.
    Debugcon(devices::debugcon::DebugconConfig) = "debugcon" => |own, _| devices::debugcon::Debugcon::new(own);
    /// The port that ends the run.
    DebugExit(devices::debug_exit::DebugExitConfig) = "debug_exit" =>
        |own, _| devices::debug_exit::DebugExit::new(own);
    /// The 8254 timer with port 0x61.
    Pit(devices::pit::PitConfig) = "pit" => |own, _| devices::pit::Pit::new(own);
    /// The MC146818 clock and CMOS memory; without sizes of its own it tells those of the machine.
    Rtc(devices::rtc::RtcConfig) = "rtc" => |own, config| devices::rtc::Rtc::new(tell_memory(own, config));
    /// A 16550A serial port.
    Uart(devices::uart::UartConfig) = "uart" => |own, _| devices::uart::Uart::new(own);
    /// The keyboard controller.
    I8042(devices::i8042::I8042Config) = "i8042" => |own, _| devices::i8042::I8042::new(own);
    /// The processor's local APIC.
    Lapic(LapicOptions) = "lapic" => |own, config| devices::lapic::Lapic::new(own.complete(config));
    /// The I/O APIC.
    Ioapic(devices::ioapic::IoapicConfig) = "ioapic" => |own, _| devices::ioapic::Ioapic::new(own);
    /// The high precision event timer.
    Hpet(devices::hpet::HpetConfig) = "hpet" => |own, _| devices::hpet::Hpet::new(own);
    /// ACPI power management registers.
    AcpiPm(devices::acpi_pm::AcpiPmConfig) = "acpi_pm" => |own, _| devices::acpi_pm::AcpiPm::new(own);
    /// The PCI host bridge.
    PciHost(devices::pci_host::PciHostConfig) = "pci_host" => |own, _| devices::pci_host::PciHost::new(own);
    /// The ISA bridge with the reset port.
    IsaBridge(devices::isa_bridge::IsaBridgeConfig) = "isa_bridge" =>
        |own, _| devices::isa_bridge::IsaBridge::new(own);
    /// The educational PCI function.
    Edu(devices::edu::EduConfig) = "edu" => |own, _| devices::edu::Edu::new(own);
}

/// What can be chosen about a local APIC; the processor says the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LapicOptions {
    /// The timer's input clock before the divisor, in Hz.
    pub timer_hz: u64,
    /// Whether it is reset into the state that a BIOS leaves: enabled, LINT0 = ExtINT, LINT1 = NMI.
    pub virtual_wire: bool,
}

impl Default for LapicOptions {
    fn default() -> Self {
        let devices::lapic::LapicConfig { timer_hz, virtual_wire, .. } = Default::default();
        Self { timer_hz, virtual_wire }
    }
}

impl LapicOptions {
    fn complete(self, config: &Config) -> devices::lapic::LapicConfig {
        devices::lapic::LapicConfig {
            cpu: 0,
            timer_hz: self.timer_hz,
            tsc_hz: config.cpu.tsc_hz,
            virtual_wire: self.virtual_wire,
        }
    }
}

fn tell_memory(mut rtc: devices::rtc::RtcConfig, config: &Config) -> devices::rtc::RtcConfig {
    let layout = crate::boot::Layout::new(config.memory.0);
    if rtc.low_memory == 0 && rtc.high_memory == 0 {
        rtc.low_memory = layout.low_end();
        rtc.high_memory = layout.high();
    }
    rtc
}

impl DeviceConfig {
    /// The clock of the timer, if this is a processor's local APIC.
    pub fn apic_timer_hz(&self) -> Option<u64> {
        if let Self::Lapic(options) = self { Some(options.timer_hz) } else { None }
    }
}
