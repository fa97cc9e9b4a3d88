//! `--symbols`: names for the guest's addresses, from files.

use std::path::PathBuf;

use anyhow::Context;
use ringhold::boot::{self, Images};
use ringhold::debugapi::Modules;

use super::run::parse_number;

/// A file of symbols, the module that they are for, and how far it was moved.
#[derive(Clone, Debug)]
pub struct SymbolFile {
    name: Option<String>,
    file: PathBuf,
    slide: u64,
}

impl SymbolFile {
    /// Reads `[NAME=]FILE[@SLIDE]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if !name.contains('/') => (Some(name), rest),
            _ => (None, text),
        };
        let (file, slide) = match rest.rsplit_once('@') {
            Some((file, slide)) => (file, parse_number(slide)?),
            None => (rest, 0),
        };
        if file.is_empty() || name == Some("") {
            return Err("write [NAME=]FILE[@SLIDE]".into());
        }
        Ok(Self { name: name.map(Into::into), file: file.into(), slide })
    }
}

/// The modules of a guest: its kernel, and those of the files.
pub fn modules(images: &Images, files: &[SymbolFile]) -> anyhow::Result<Modules> {
    let mut modules = boot::modules(images);
    for SymbolFile { name, file, slide } in files {
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).with_context(|| format!("{shown}: the symbols cannot be read"))?;
        let module = boot::module(name.as_deref().unwrap_or(&shown), &shown, &bytes, *slide);
        modules.add(module.with_context(|| shown)?);
    }
    Ok(modules)
}
