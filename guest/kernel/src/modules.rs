//! The module list: every image in memory. A debugger walks it to know what code is where.

use crate::address::{self, DIRECT_MAP, KERNEL_BASE};
use crate::boot_info;
use crate::console::Text;
use crate::irq_cell::IrqCell;
use crate::list::{self, ListEntry};
use crate::{log, program};

include!(env!("KERNEL_PROGRAMS"));

const MAX_MODULES: usize = 16;
const NAME: usize = 32;

#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Kernel = 0,
    /// An ELF file that `spawn` runs in ring 3.
    Program = 1,
    /// A file that the loader put in memory.
    Boot = 2,
}

/// A module. A debugger walks them from `MODULE_LIST`.
#[repr(C)]
pub struct Module {
    pub links: ListEntry,
    pub kind: Kind,
    pub reserved: u32,
    /// Where the image is.
    pub base: u64,
    pub size: u64,
    /// Where it starts to run; for a program, in its own address space.
    pub entry: u64,
    pub name: [u8; NAME],
}

impl Module {
    const EMPTY: Self = Self {
        links: ListEntry::unlinked(),
        kind: Kind::Kernel,
        reserved: 0,
        base: 0,
        size: 0,
        entry: 0,
        name: [0; NAME],
    };

    pub fn name(&self) -> Text<'_> {
        Text(&self.name)
    }

    /// The bytes of the image.
    pub fn image(&self) -> &'static [u8] {
        // SAFETY: modules describe memory that stays; programs lie in rodata.
        unsafe { core::slice::from_raw_parts(self.base as *const u8, self.size as usize) }
    }
}

#[unsafe(no_mangle)]
static MODULE_LIST: IrqCell<ListEntry> = IrqCell::new(ListEntry::unlinked());
static MODULES: IrqCell<[Module; MAX_MODULES]> = IrqCell::new([const { Module::EMPTY }; MAX_MODULES]);

/// The module of the kernel itself.
pub fn kernel() -> *const Module {
    MODULES.as_ptr().cast()
}

/// Builds the list, which never changes afterwards.
pub fn init() {
    // SAFETY: the head is static.
    MODULE_LIST.with(|head| unsafe { ListEntry::init(head) });
    MODULES.with(|modules| {
        let mut slots = modules.iter_mut();
        let mut add = |kind, name: &str, base, size, entry| {
            let Some(module) = slots.next() else { return };
            let length = name.len().min(NAME - 1);
            module.name[..length].copy_from_slice(&name.as_bytes()[..length]);
            (module.kind, module.base, module.size, module.entry) = (kind, base, size, entry);
            // SAFETY: slots are static, and each is linked once.
            unsafe { ListEntry::push_back(MODULE_LIST.as_ptr(), &raw mut module.links) };
        };
        let base = address::text_start();
        let entry = crate::kernel_main as *const () as u64;
        add(Kind::Kernel, "kernel", base, address::kernel_end() - base, entry);
        for (name, image) in PROGRAMS {
            let entry = program::entry(image).expect("build.rs made this program");
            add(Kind::Program, name, image.as_ptr() as u64, image.len() as u64, entry);
        }
        for (index, module) in boot_info::get().modules().iter().enumerate() {
            let name = ["boot0", "boot1", "boot2", "boot3"][index];
            add(Kind::Boot, name, DIRECT_MAP + module.base, module.size, 0);
        }
    });
    log!("modules: {} in the list", all().count());
    debug_assert!(address::text_start() > KERNEL_BASE);
}

/// Every module, in order.
pub fn all() -> impl Iterator<Item = &'static Module> {
    // SAFETY: `init` built the list of static modules, and nobody changes it.
    unsafe { list::members::<Module>(MODULE_LIST.as_ptr()).map(|module| &*module) }
}

/// The program of that name.
pub fn find_program(name: &str) -> Option<&'static Module> {
    all().find(|module| {
        module.kind == Kind::Program
            && module.name.starts_with(name.as_bytes())
            && module.name[name.len()] == 0
    })
}
