//! I/O ports.

use core::arch::asm;

macro_rules! accessors {
    ($read:ident, $write:ident, $type:ty, $register:tt) => {
        /// Reads from `port`.
        pub fn $read(port: u16) -> $type {
            let value: $type;
            // SAFETY: touches no memory; what a device does on a read is its driver's care.
            unsafe {
                asm!(concat!("in ", $register, ", dx"), in("dx") port, out($register) value,
                    options(nostack, preserves_flags));
            }
            value
        }

        /// Writes to `port`.
        pub fn $write(port: u16, value: $type) {
            // SAFETY: as above. Not `nomem`: a device may read memory because of it.
            unsafe {
                asm!(concat!("out dx, ", $register), in("dx") port, in($register) value,
                    options(nostack, preserves_flags));
            }
        }
    };
}

accessors!(inb, outb, u8, "al");
accessors!(inw, outw, u16, "ax");
accessors!(inl, outl, u32, "eax");
