//! Sets `host_lacks` where this host's processor lacks what compared forms need, `host_of_another_make`
//! where it is not of the make that cases were captured on, `no_16_bit_segments` where its kernel gives
//! programs none: tests that need them are then listed as ignored instead of passing without a comparison.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(host_lacks)");
    if !has_all() {
        println!("cargo:rustc-cfg=host_lacks");
    }
    println!("cargo:rustc-check-cfg=cfg(host_of_another_make)");
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !(cpuinfo.contains("AuthenticAMD") && cpuinfo.contains(" avx2 ")) {
        println!("cargo:rustc-cfg=host_of_another_make");
    }
    println!("cargo:rustc-check-cfg=cfg(no_16_bit_segments)");
    if !has_16_bit_segments() {
        println!("cargo:rustc-cfg=no_16_bit_segments");
    }
}

/// Whether Linux makes this process a 16-bit segment by modify_ldt(2): a kernel may be built without.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn has_16_bit_segments() -> bool {
    const WRITE: i32 = 0x11;
    // struct user_desc: entry, base, limit, contents: 16-bit data that can be written.
    let descriptor = [0u32, 0, 0xffff, 0];
    // SAFETY: the kernel reads the sixteen bytes. No segment register uses the table.
    unsafe { libc::syscall(libc::SYS_modify_ldt, WRITE, descriptor.as_ptr(), 16) == 0 }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn has_16_bit_segments() -> bool {
    false
}

/// The features of `native::host_has`.
#[cfg(target_arch = "x86_64")]
fn has_all() -> bool {
    use std::arch::is_x86_feature_detected as has;
    let vector = has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2") && has!("avx");
    let wide = has!("avx2") && has!("fma") && has!("f16c") && has!("vaes") && has!("vpclmulqdq");
    let integer =
        has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt") && has!("movbe") && has!("adx");
    let crypto = has!("aes") && has!("pclmulqdq") && has!("sha");
    let system = has!("cmpxchg16b") && has!("xsave") && has!("xsaveopt") && has!("xsavec");
    vector && wide && integer && crypto && system
}

#[cfg(not(target_arch = "x86_64"))]
fn has_all() -> bool {
    false
}
