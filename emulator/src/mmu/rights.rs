//! Access rights, protection keys, and the error code of a page fault (SDM volume 3, 5.6 and 5.7).

use super::tlb::{Access, Tlb};
use super::walk;
use crate::cpu::Cpu;
use crate::exec::Leave;
use crate::state::{cr0, cr4, efer};

/// Page-fault error code bits.
pub mod error {
    /// The page was present.
    pub const P: u32 = 1 << 0;
    /// A write.
    pub const W: u32 = 1 << 1;
    /// A user-mode access.
    pub const U: u32 = 1 << 2;
    /// A reserved bit was set.
    pub const RSVD: u32 = 1 << 3;
    /// An instruction fetch.
    pub const I: u32 = 1 << 4;
    /// The protection key denied it.
    pub const PK: u32 = 1 << 5;
}

impl Cpu {
    /// Why a present page denies an access, as bits of an error code; `None` if it does not.
    pub(crate) fn denied(&self, page: &walk::Page, access: Access, view: usize) -> Option<u32> {
        let by_key = access != Access::Fetch && page.user && self.key_denies(page.key, access, view);
        match (by_key, self.allowed(page, access, view)) {
            (true, _) => Some(error::P | error::PK),
            (false, false) => Some(error::P),
            (false, true) => None,
        }
    }

    /// Access rights by the paging structures (SDM volume 3, 5.6.1).
    fn allowed(&self, page: &walk::Page, access: Access, view: usize) -> bool {
        let user = Tlb::is_user(view);
        let c = &self.control;
        match access {
            Access::Fetch => {
                let smep = c.cr4 & cr4::SMEP != 0;
                page.executable && if user { page.user } else { !(page.user && smep) }
            }
            _ if user => page.user && (access == Access::Read || page.writable),
            _ => {
                let smap = c.cr4 & cr4::SMAP != 0 && view != Tlb::SUPERVISOR_AC;
                let writable = page.writable || c.cr0 & cr0::WP == 0;
                !(page.user && smap) && (access == Access::Read || writable)
            }
        }
    }

    /// Whether PKRU denies a data access to a user page with this key (SDM volume 3, 5.6.2).
    fn key_denies(&self, key: u8, access: Access, view: usize) -> bool {
        let c = &self.control;
        if c.cr4 & cr4::PKE == 0 || c.efer & efer::LMA == 0 {
            return false;
        }
        let rights = c.pkru >> (2 * key) & 3;
        let write_checked = Tlb::is_user(view) || c.cr0 & cr0::WP != 0;
        rights & 1 != 0 || rights & 2 != 0 && access == Access::Write && write_checked
    }

    /// Sets PKRU; translations whose rights change with it are dropped.
    pub fn set_pkru(&mut self, value: u32) {
        let changed = self.control.pkru ^ value;
        self.control.pkru = value;
        if changed != 0 {
            self.tlb.flush_keys(|key| changed >> (2 * key) & 3 != 0);
        }
    }

    /// The error code of a page fault for this cause.
    pub(crate) fn page_fault_code(&self, cause: u32, access: Access, view: usize) -> u32 {
        let c = &self.control;
        let nx = c.cr4 & cr4::PAE != 0 && c.efer & efer::NXE != 0;
        let tells_fetch = nx || c.cr4 & cr4::SMEP != 0;
        let kind = match access {
            Access::Write => error::W,
            Access::Fetch if tells_fetch => error::I,
            _ => 0,
        };
        cause | kind | if Tlb::is_user(view) { error::U } else { 0 }
    }

    #[cold]
    pub(super) fn page_fault(&mut self, linear: u64, cause: u32, access: Access, view: usize) -> Leave {
        let code = self.page_fault_code(cause, access, view);
        self.control.cr2 = linear;
        self.tlb.flush_page(linear);
        self.raise(14, Some(code))
    }
}
