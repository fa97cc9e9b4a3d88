//! Sets `host_lacks` where this host's processor lacks what compared forms need, `host_of_another_make`
//! where it is not of the make that cases were captured on: tests that need the one or the other are then
//! listed as ignored instead of passing without a comparison.

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
