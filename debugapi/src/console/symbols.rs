//! Modules and symbols: `lm lmv x ln`, and how addresses are written with their names.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known};
use crate::modules::{Module, Pattern};

/// Which modules `lm` lists, and how.
#[derive(Default)]
struct Listing {
    verbose: bool,
    name: Option<Pattern>,
    address: Option<u64>,
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn symbols(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            "x" => self.examine(from, at),
            "ln" => self.nearest_symbols(from),
            _ => match name.strip_prefix("lm") {
                Some(options) => self.list_modules(options, from, at),
                None => return Ok(Known::No),
            },
        }
        .map(|()| Known::Yes)
    }

    /// `lm [v] [m pattern] [a address]`, with the letters behind `lm` or as words.
    fn list_modules(&mut self, options: &str, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let mut listing = Listing::default();
        for option in options.chars() {
            self.module_option(&mut listing, option, from, at)?;
        }
        while !from.at_end() {
            let option_at = from.at();
            let word = from.word();
            let [option] = word.chars().collect::<Vec<_>>()[..] else {
                return Err(Complaint::syntax(option_at));
            };
            from.take(word);
            self.module_option(&mut listing, option, from, option_at)?;
        }
        let wanted = |module: &&Module| {
            listing.name.as_ref().is_none_or(|pattern| pattern.fits_name(module.name()))
                && listing.address.is_none_or(|address| module.holds(address))
        };
        let listed = self.session.modules.all().iter().filter(wanted);
        let lines: String = listed.map(|module| lines(module, listing.verbose)).collect();
        self.say(&format!("{:17} {:17} module name\n{lines}", "start", "end"))
    }

    fn module_option(
        &mut self,
        listing: &mut Listing,
        option: char,
        from: &mut Cursor<'_>,
        at: usize,
    ) -> Outcome {
        match option.to_ascii_lowercase() {
            'v' => listing.verbose = true,
            'm' => {
                from.skip_space();
                let pattern_at = from.at();
                let text = from.take_while(|letter| !letter.is_whitespace());
                let pattern = Pattern::new(text).filter(|_| !text.is_empty());
                listing.name = Some(pattern.ok_or(Complaint::new("Pattern error", pattern_at))?);
            }
            'a' => listing.address = Some(self.address(from)?),
            _ => return Err(Complaint::missing("options of lm but v, m and a are", at)),
        }
        Ok(())
    }

    /// `x pattern`: addresses and names. The pattern goes to the command's end, for names may hold
    /// spaces.
    fn examine(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        from.skip_space();
        let pattern_at = from.at();
        let text = from.rest().trim_end();
        if text.is_empty() {
            return Err(Complaint::syntax(at));
        }
        let pattern = Pattern::new(text).ok_or(Complaint::new("Pattern error", pattern_at))?;
        let modules = &self.session.modules;
        if !modules.all().iter().any(|module| pattern.fits_module(module.name())) {
            return Err(Complaint::unresolved(text, pattern_at));
        }
        let line =
            |near: crate::modules::Near<'_>| format!("{} {}\n", halves_of(near.symbol.address), near.name());
        let lines: String = modules.matching(&pattern).map(line).collect();
        self.say(&lines)
    }

    /// `ln [address]`: the symbol that an address belongs to and the one behind it, and those that
    /// lie just there.
    fn nearest_symbols(&mut self, from: &mut Cursor<'_>) -> Outcome {
        let at = from.at();
        let address = if from.at_end() { self.register_value("$ip", at)? } else { self.address(from)? };
        from.end()?;
        let modules = &self.session.modules;
        let Some(near) = modules.nearest(address) else { return Ok(()) };
        let module = near.module.name();
        let mut text = format!("({})   {}", halves_of(near.symbol.address), near.name());
        if near.displacement > 0 {
            text += &format!("+0x{:x}", near.displacement);
        }
        let symbols = near.module.symbols();
        if let Some(next) = symbols.iter().find(|symbol| symbol.address > address) {
            text += &format!("   |  ({})   {module}!{}", halves_of(next.address), next.name);
        }
        let exact: String = symbols
            .iter()
            .filter(|symbol| symbol.address == address)
            .map(|symbol| format!("    {module}!{}\n", symbol.name))
            .collect();
        let exact = if exact.is_empty() { exact } else { format!("Exact matches:\n{exact}") };
        self.say(&format!("{text}\n{exact}"))
    }

    /// The name of an address behind a space; nothing for one that has none.
    pub(super) fn name_behind(&self, address: u64) -> String {
        self.session.modules.describe(address).map_or_else(String::new, |name| format!(" {name}"))
    }

    /// The line that stands before the instruction at an address; nothing if it has no name.
    pub(super) fn label(&self, address: u64) -> String {
        self.session.modules.describe(address).map_or_else(String::new, |name| format!("{name}:\n"))
    }

    /// The same, if a symbol begins there.
    pub(super) fn label_of_symbol(&self, address: u64) -> String {
        let begins = self.session.modules.nearest(address).is_some_and(|near| near.displacement == 0);
        if begins { self.label(address) } else { String::new() }
    }
}

/// What `lm` says of a module.
fn lines(module: &Module, verbose: bool) -> String {
    let (start, end) = (module.base(), module.base().saturating_add(module.size()));
    let symbols = match module.symbols().is_empty() {
        true => "(no symbols)".into(),
        false => format!("(symbols)  {}", module.symbol_file()),
    };
    let first = format!("{} {} {:10} {symbols}", halves_of(start), halves_of(end), module.name());
    if !verbose {
        return format!("{}\n", first.trim_end());
    }
    format!(
        "{}\n    Image path: {}\n    Image size: {:08X}\n    Symbols:    {}\n",
        first.trim_end(),
        module.image(),
        module.size(),
        module.symbols().len(),
    )
}
