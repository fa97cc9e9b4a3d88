//! Every device that this crate offers, in its default configuration.

use ringhold_emulator::bus::Device;

/// Makes a device in its default configuration.
pub type Maker = fn() -> Box<dyn Device>;

/// All devices, by the name that machine descriptions use for their kind.
pub fn all() -> Vec<(&'static str, Maker)> {
    vec![
        ("acpi_pm", || Box::new(crate::acpi_pm::AcpiPm::new(Default::default()))),
        ("debug_exit", || Box::new(crate::debug_exit::DebugExit::new(Default::default()))),
        ("debugcon", || Box::new(crate::debugcon::Debugcon::new(Default::default()))),
        ("edu", || Box::new(crate::edu::Edu::new(Default::default()))),
        ("hpet", || Box::new(crate::hpet::Hpet::new(Default::default()))),
        ("i8042", || Box::new(crate::i8042::I8042::new(Default::default()))),
        ("ioapic", || Box::new(crate::ioapic::Ioapic::new(Default::default()))),
        ("isa_bridge", || Box::new(crate::isa_bridge::IsaBridge::new(Default::default()))),
        ("lapic", || Box::new(crate::lapic::Lapic::new(Default::default()))),
        ("pci_host", || Box::new(crate::pci_host::PciHost::new(Default::default()))),
        ("pic", || Box::new(crate::pic::Pic::new(Default::default()))),
        ("pit", || Box::new(crate::pit::Pit::new(Default::default()))),
        ("port92", || Box::new(crate::port92::Port92::new(Default::default()))),
        ("post", || Box::new(crate::post::Post::new(Default::default()))),
        ("rtc", || Box::new(crate::rtc::Rtc::new(Default::default()))),
        ("uart", || Box::new(crate::uart::Uart::new(Default::default()))),
    ]
}
