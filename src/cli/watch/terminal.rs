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

use super::screen::Size;

/// To the other screen, without a cursor (xterm's private modes 1049 and 25,
/// which every terminal emulator has).
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// The window of a terminal that does not say.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Time,
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
}

impl Terminal {
    /// Takes over the terminal that standard output is.
    pub(super) fn enter() -> io::Result<Self> {
        let screen = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        // Standard input may be anything.
        let keys = File::open("/dev/tty").ok().and_then(|file| {
            let before = tcgetattr(&file).ok()?;
            Some(Keys { file, before })
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

    /// Waits for a key, a signal or a time.
    pub(super) fn wait(&mut self, until: Instant) -> io::Result<Event> {
        loop {
            if let Some(event) = self.take_signal()? {
                return Ok(event);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::Time);
            }
            let mut files = vec![PollFd::new(self.signals.get_read(), PollFlags::IN)];
            if let Some(keys) = &self.keys {
                files.push(PollFd::new(&keys.file, PollFlags::IN));
            }
            match poll(&mut files, timeout(left).as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let pressed = files.get(1).is_some_and(|keys| !keys.revents().is_empty());
            if pressed && self.wants_end() {
                return Ok(Event::Quit);
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

    /// Reads what was pressed. True if it is `q`, or if the terminal is gone.
    fn wants_end(&mut self) -> bool {
        let Some(keys) = &mut self.keys else {
            return false;
        };
        let mut pressed = [0; 64];
        match keys.file.read(&mut pressed) {
            Ok(0) => true,
            Ok(length) => pressed
                .iter()
                .take(length)
                .any(|key| matches!(key, b'q' | b'Q')),
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
