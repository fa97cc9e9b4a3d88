//! What a Windows kernel in the guest keeps for debuggers, found as a debugger finds it: from the
//! processor control region on, by the layouts of the public headers (`wdbgexts.h`, `wdm.h`). A
//! kernel that keeps its block encoded, or another system, has none.

use super::DataSpaces;

/// KdVersionBlock in the KPCR of a 64-bit processor.
const VERSION_BLOCK: u64 = 0x108;
/// DebuggerDataList in DBGKD_GET_VERSION64: a pointer to a pointer to the first block.
const DATA_LIST: u64 = 0x20;
/// OwnerTag and Size in the header of a block (DBGKD_DEBUG_DATA_HEADER64).
const TAG_AND_SIZE: u64 = 0x10;
/// KUSER_SHARED_DATA, where every 64-bit Windows maps it.
pub(super) const SHARED_USER_DATA: u64 = 0xffff_f780_0000_0000;
/// NtProductType there.
pub(super) const PRODUCT_TYPE: u64 = 0x264;
/// SuiteMask there.
pub(super) const SUITE_MASK: u64 = 0x2d0;

impl DataSpaces<'_> {
    /// The field of KDDEBUGGER_DATA64 at an offset: two bytes or eight.
    pub(super) fn kernel_field(&mut self, cpu: usize, offset: u32) -> Option<Vec<u8>> {
        let (block, size) = self.kernel_block(cpu)?;
        let length = if (664..=704).contains(&offset) { 2 } else { 8 };
        if u64::from(offset) + length as u64 > size {
            return None;
        }
        let value = self.word(cpu, block.checked_add(offset.into())?)?;
        Some(value.to_le_bytes()[..length].to_vec())
    }

    /// Address and size of KDDEBUGGER_DATA64.
    fn kernel_block(&mut self, cpu: usize) -> Option<(u64, u64)> {
        let region = self.kpcr(cpu).ok()?.0;
        let version = self.word(cpu, region.checked_add(VERSION_BLOCK)?)?;
        let list = self.word(cpu, version.checked_add(DATA_LIST)?)?;
        let block = self.word(cpu, list)?;
        let header = self.word(cpu, block.checked_add(TAG_AND_SIZE)?)?;
        (header as u32 == u32::from_le_bytes(*b"KDBG")).then_some((block, header >> 32))
    }

    /// Four bytes of the shared user data.
    pub(super) fn shared_user_data(&mut self, cpu: usize, offset: u64) -> Option<Vec<u8>> {
        self.kpcr(cpu).ok()?;
        let value = self.word(cpu, SHARED_USER_DATA + offset)?;
        Some(value.to_le_bytes()[..4].to_vec())
    }
}
