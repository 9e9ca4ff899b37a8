// SPDX-License-Identifier: MIT

//! The terminal while it is taken over: another screen, keys without Return,
//! signals as events. It is given back when this value goes.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsFd as _, unix::net::UnixStream},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
    },
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH},
    iterator::{backend::SignalDelivery, exfiltrator::SignalOnly},
    low_level::emulate_default_handler,
};

use super::{
    keys::{Key, take_key},
    screen::Size,
};

/// To the other screen, without a cursor (xterm's private modes 1049 and 25,
/// which every terminal emulator has).
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// The window of a terminal that does not say.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// The time after which an escape character is the key Esc and not the beginning of
/// another key: as ncurses does it in the best case, and most editors.
const ESCAPE_DELAY: Duration = Duration::from_millis(50);

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Time,
    Key(Key),
    /// The window may look otherwise now.
    Redraw,
    Quit,
    /// A signal after which a program is to end by it.
    Signal(i32),
}

pub(super) struct Terminal {
    screen: File,
    /// `None` without a controlling terminal.
    keys: Option<Keys>,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    entered: bool,
}

struct Keys {
    file: File,
    before: Termios,
    /// Bytes that are not made into keys yet.
    read: Vec<u8>,
}

impl Terminal {
    /// Takes over the terminal that standard output is.
    pub(super) fn enter() -> io::Result<Self> {
        let screen = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        // Standard input may be anything.
        let keys = File::open("/dev/tty").ok().and_then(|file| {
            let before = tcgetattr(&file).ok()?;
            Some(Keys {
                file,
                before,
                read: Vec::new(),
            })
        });
        // Signals come first: from here on none leaves the terminal behind.
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH];
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, signals)?;
        let mut terminal = Self {
            screen,
            keys,
            signals,
            entered: false,
        };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&mut self) -> io::Result<()> {
        self.entered = true;
        if let Some(keys) = &self.keys {
            let mut settings = keys.before.clone();
            // Ctrl-C and Ctrl-Z stay signals.
            settings.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            settings.special_codes[SpecialCodeIndex::VMIN] = 1;
            settings.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&keys.file, OptionalActions::Now, &settings)?;
        }
        self.write(ENTER)
    }

    /// Gives the terminal back as it was.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.entered) {
            return Ok(());
        }
        let left = self.write(LEAVE);
        if let Some(keys) = &self.keys {
            // A key that was pressed twice is not for the shell.
            tcsetattr(&keys.file, OptionalActions::Flush, &keys.before)?;
        }
        left
    }

    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(&self.screen) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => USUAL,
        }
    }

    /// Shows these lines and nothing else.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut frame = "\x1b[H".to_owned();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                frame.push_str("\r\n");
            }
            // First: behind a full line it would erase the last character.
            frame.push_str("\x1b[K");
            frame.push_str(line);
        }
        if lines.len() < self.size().rows {
            frame.push_str("\r\n\x1b[J");
        }
        self.write(&frame)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.screen.write_all(text.as_bytes())
    }

    /// Waits for a key, a signal or a time; without a time for the others.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> io::Result<Event> {
        // Whatever comes later than this begins another key.
        let mut rest_until = Instant::now() + ESCAPE_DELAY;
        loop {
            if let Some(event) = self.take_signal()? {
                return Ok(event);
            }
            let now = Instant::now();
            let mut has_begun = false;
            if let Some(keys) = &mut self.keys {
                if let Some(key) = take_key(&mut keys.read, now >= rest_until) {
                    return Ok(Event::Key(key));
                }
                has_begun = !keys.read.is_empty();
            }
            if until.is_some_and(|until| now >= until) && !has_begun {
                return Ok(Event::Time);
            }
            let until = match has_begun {
                true => Some(rest_until),
                false => until,
            };
            let left = until.and_then(|until| timeout(until.saturating_duration_since(now)));
            let mut files = vec![PollFd::new(self.signals.get_read(), PollFlags::IN)];
            if let Some(keys) = &self.keys {
                files.push(PollFd::new(&keys.file, PollFlags::IN));
            }
            match poll(&mut files, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let pressed = files.get(1).is_some_and(|keys| !keys.revents().is_empty());
            if pressed {
                if self.is_gone() {
                    return Ok(Event::Quit);
                }
                rest_until = Instant::now() + ESCAPE_DELAY;
            }
        }
    }

    /// The first signal that has come; the others are there the next time.
    fn take_signal(&mut self) -> io::Result<Option<Event>> {
        Ok(match self.signals.pending().next() {
            None => None,
            Some(SIGINT) => Some(Event::Quit),
            Some(SIGWINCH) => Some(Event::Redraw),
            Some(SIGTSTP) => {
                self.leave()?;
                // Returns when the shell continues the program.
                emulate_default_handler(SIGTSTP)?;
                self.take()?;
                Some(Event::Redraw)
            }
            Some(signal) => Some(Event::Signal(signal)),
        })
    }

    /// Reads what was pressed. True if the terminal is gone.
    fn is_gone(&mut self) -> bool {
        let Some(keys) = &mut self.keys else {
            return false;
        };
        let mut pressed = [0; 64];
        match keys.file.read(&mut pressed) {
            Ok(0) => true,
            Ok(length) => {
                keys.read.extend(pressed.iter().take(length));
                false
            }
            Err(error) => error.kind() != io::ErrorKind::Interrupted,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program ends for another reason, which is the one to report.
        let _ = self.leave();
    }
}

/// Returns the time in the form of poll. `None`, which is without end, stands for
/// more than it can count.
fn timeout(duration: Duration) -> Option<Timespec> {
    duration.try_into().ok()
}

/// Waits until a time, or until nobody reads standard output any more: what is
/// written next then fails.
pub(super) fn wait_for_reader(until: Instant) -> io::Result<()> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let stdout = io::stdout();
        let mut files = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut files, timeout(left).as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells whether the terminal shows the block characters that graphs are made of: its
/// text is UTF-8, and it is not the console of Linux, whose fonts have few of them.
pub(super) fn has_block_characters() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    shows_blocks(
        &set("TERM").unwrap_or_default(),
        &locale.unwrap_or_default(),
    )
}

/// Judges by the names of a terminal and of a locale (locale(7)).
fn shows_blocks(terminal: &str, locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    let (_, encoding) = locale.split_once('.').unwrap_or_default();
    let encoding = encoding.split('@').next().unwrap_or_default();
    matches!(encoding, "utf-8" | "utf8") && terminal != "linux"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_need_utf_8_and_more_than_the_console_of_linux() {
        for (terminal, locale, shows) in [
            ("xterm", "C.UTF-8", true),
            ("screen", "de_DE.utf8", true),
            ("xterm", "de_DE.UTF-8@euro", true),
            ("linux", "C.UTF-8", false),
            ("xterm", "C", false),
            ("xterm", "", false),
            ("xterm", "de_DE.ISO-8859-1", false),
        ] {
            assert_eq!(shows_blocks(terminal, locale), shows, "{terminal} {locale}");
        }
    }
}
