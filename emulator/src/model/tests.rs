//! CPUID against what the manuals and real processors say.

use super::*;

fn ask(model: &CpuModel, leaf: u32, subleaf: u32) -> Leaf {
    model.cpuid(leaf, subleaf, Now::default())
}

#[test]
fn signatures_are_put_together() {
    // i7-4770: 000306C3h; Ryzen 7 3700X: 00870F10h (SDM volume 2, figure 3-6).
    let haswell = CpuModel { family: 6, model: 60, stepping: 3, ..CpuModel::default() };
    assert_eq!(haswell.signature(), 0x306c3);
    let zen2 = CpuModel { family: 23, model: 113, stepping: 0, ..CpuModel::default() };
    assert_eq!(zen2.signature(), 0x0087_0f10);
}

#[test]
fn caches_are_described_as_the_manual_has_it() {
    // The first-level data cache of the i7-4770: 1C004121h, 01C0003Fh, 3Fh, 0, but for the cores.
    let cache = Cache { level: 1, kind: CacheKind::Data, ways: 8, sets: 64, inclusive: false, hashed: false };
    assert_eq!(cache.size(), 32 << 10);
    let model = CpuModel { highest_leaf: 4, caches: vec![cache], ..CpuModel::default() };
    assert_eq!(ask(&model, 4, 0), Leaf { eax: 0x121, ebx: 0x01c0_003f, ecx: 0x3f, edx: 0 });
    assert_eq!(ask(&model, 4, 1), Leaf::default());
}

/// SDM volume 2, CPUID: only leaves with an index look at ECX. Linux asks leaf 1 with what leaf 0
/// left there.
#[test]
fn leaves_without_subleaves_do_not_look_at_ecx() {
    let model = CpuModel::everything();
    for leaf in [0, 1, 2, 5, 6, 0xc, 0x8000_0000, 0x8000_0001, 0x8000_0007, 0x8000_0008] {
        assert_eq!(ask(&model, leaf, 0x444d_4163), ask(&model, leaf, 0), "{leaf:x}");
    }
    assert_ne!(ask(&model, 1, 0x444d_4163).edx, 0);
    assert_eq!(ask(&model, 7, 0x444d_4163), Leaf::default());
}

#[test]
fn beyond_the_highest_leaf_vendors_differ() {
    let mut model = CpuModel { highest_leaf: 1, ..CpuModel::default() };
    assert_eq!(ask(&model, 0x20, 0), Leaf::default());
    model.vendor = "GenuineIntel".into();
    assert_eq!(ask(&model, 0x20, 0), ask(&model, 1, 0));
    // Intel's tell of SYSCALL in 64-bit mode alone.
    assert_eq!(ask(&model, 0x8000_0001, 0).edx & 1 << 11, 0);
    let long = Now { long: true, ..Now::default() };
    assert_ne!(model.cpuid(0x8000_0001, 0, long).edx & 1 << 11, 0);
}

#[test]
fn extended_state_has_its_sizes() {
    let model = CpuModel::everything();
    let now = Now { xcr0: 7, ..Now::default() };
    let leaf = model.cpuid(0xd, 0, now);
    assert_eq!((leaf.eax, leaf.ebx, leaf.ecx), (0x207, 832, 2696));
    let now = Now { xcr0: 0x203, ..Now::default() };
    assert_eq!(model.cpuid(0xd, 0, now).ebx, 2696);
    // Compacted: PKRU comes right after the header.
    assert_eq!(model.cpuid(0xd, 1, now).ebx, 584);
    assert_eq!(model.cpuid(0xd, 2, now), Leaf { eax: 256, ebx: 576, ecx: 0, edx: 0 });
    assert_eq!(model.cpuid(0xd, 3, now), Leaf::default());
}

#[test]
fn clocks_are_told_exactly() {
    let model =
        CpuModel { highest_leaf: 0x16, tsc_hz: 2_300_000_000, apic_hz: 25_000_000, ..CpuModel::default() };
    let leaf = ask(&model, 0x15, 0);
    assert_eq!(u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax), 2_300_000_000);
    assert_eq!(ask(&model, 0x16, 0).eax, 2300);
}

#[test]
fn cr4_has_what_features_bring() {
    let mut model = CpuModel::default();
    assert_eq!(model.cr4_bits() & (cr4::OSXSAVE | cr4::SMEP | cr4::FSGSBASE), 0);
    model.features.set(Feature::Xsave, true);
    assert_ne!(model.cr4_bits() & cr4::OSXSAVE, 0);
    model.features.set(Feature::Lm, false);
    assert_eq!(model.efer_bits() & efer::LME, 0);
}
