//! Whether the cases are worth comparing: that most of them do what their form does, and do not fault.

use std::collections::BTreeMap;

use iced_x86::Mnemonic;
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::forms::{Form, compared};
use ringhold_oracle::generate;
use ringhold_oracle::table::{Verdict, verdict};
use ringhold_oracle::values::Random;

/// Cases a form.
const CASES: u64 = 100;
/// How many of them have to end without an exception.
const FINISHED: usize = 10;

/// Whether what the table says of a form is that it does its work as the host does.
fn claims_to_work(form: &Form) -> bool {
    use Mnemonic::{Ud0, Ud1, Ud2};
    let works = matches!(verdict(*form), Verdict::Exact | Verdict::Documented(_));
    works && !matches!(form.code.mnemonic(), Ud0 | Ud1 | Ud2)
}

#[test]
fn every_form_that_is_called_exact_ends_without_a_fault_often_enough() {
    let mut emulated = Emulated::new();
    let mut rare = BTreeMap::new();
    for form in compared().into_iter().filter(claims_to_work) {
        let mut random = Random::new(form.code as u64 ^ u64::from(form.mode.bits()) << 32);
        let cases = (0..CASES).filter_map(|_| generate::case(form, &mut random));
        let finished = cases.filter(|generated| emulated.run(&generated.case).fault.is_none()).count();
        if finished < FINISHED {
            rare.insert(format!("{form:?}"), finished);
        }
    }
    assert!(rare.is_empty(), "of {CASES} cases these forms finish so few: {rare:#?}");
}
