//! `ringhold replay`: a recorded run once more, compared at every event.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use ringhold::boot::{Image, Images};
use ringhold::debugapi::Journal;
use ringhold::debugapi::journal::{Ended, JournalError};
use ringhold::{Config, Machine};

use super::inject;
use super::sinks::Sinks;

/// The exit status of a run that went another way.
const DIFFERENT: u8 = 104;

#[derive(Args)]
pub struct ReplayArguments {
    /// The journal, as `ringhold run --record` writes it
    journal: PathBuf,
    /// Show what the guest says
    #[arg(long)]
    show: bool,
}

/// Runs a journal again; gives the exit status.
pub fn run(arguments: &ReplayArguments) -> anyhow::Result<u8> {
    let name = arguments.journal.display().to_string();
    let text = std::fs::read_to_string(&arguments.journal)
        .with_context(|| format!("{name}: the journal cannot be read"))?;
    let journal = Journal::from_ron(&text).with_context(|| name.clone())?;
    let digest = Image::new("config", journal.config.clone().into_bytes()).digest();
    if digest != journal.config_digest {
        let recorded = journal.config_digest;
        return Err(JournalError::Config { recorded, found: digest }).with_context(|| name);
    }
    let config = Config::from_ron(&journal.config, &name)?;
    let images = Images::read(&config)?;
    let found = inject::header(&config, &images).images;
    for (recorded, found) in journal.images.iter().zip(&found) {
        if (&recorded.role, &recorded.digest) != (&found.role, &found.digest) {
            bail!(
                "{}: the {} is not the one that was recorded: {} bytes with digest {}, recorded {} bytes with {}",
                found.file,
                found.role,
                found.bytes,
                found.digest,
                recorded.bytes,
                recorded.digest
            );
        }
    }
    if journal.images.len() != found.len() {
        bail!("{name}: it tells of {} images, and its config names {}", journal.images.len(), found.len());
    }
    let mut machine = Machine::with_images(config.clone(), &images)?;
    let mut sinks = arguments.show.then(|| Sinks::open(&config, &machine)).transpose()?;
    let mut wrong = Ok(());
    let replayed = journal.replay(&mut machine, |machine| {
        let done = match &mut sinks {
            Some(sinks) => sinks.drain(machine),
            None => {
                machine.take_output();
                Ok(())
            }
        };
        if wrong.is_ok() {
            wrong = done;
        }
    });
    wrong?;
    match replayed {
        Ok(replayed) => {
            eprintln!(
                "ringhold: the same run: {} events and the end ({}) after {} instructions, each with the recorded state",
                replayed.done.len(),
                word(replayed.stop),
                machine.instructions(),
            );
            Ok(0)
        }
        Err(difference) => {
            eprintln!("ringhold: another run: {difference}");
            Ok(DIFFERENT)
        }
    }
}

fn word(stop: Ended) -> String {
    match stop {
        Ended::Exit(value) => format!("exit with {value}"),
        Ended::PowerOff => "power-off".into(),
        Ended::Reset => "reset".into(),
        Ended::TripleFault => "triple fault".into(),
        Ended::Left => "left there".into(),
    }
}
