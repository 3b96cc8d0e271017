//! One task a process appends. While one set of commands is written, those that arrive make up the
//! next one, which is sent behind it: the database goes from one to the other, and whoever got an
//! answer has time to come again.

use std::collections::{BTreeMap, VecDeque};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use metrics::{gauge, histogram};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::basis::Basis;
use super::columns::{Follows, Outcome};
use super::lane::{Failure, Lane};
use super::line::{Answer, Line, Pending};
use super::wave::{Head, Touches, Wave};
use super::{Append, AppendError, BATCH_MAX, Prepared, QUEUE_MAX, Verdict};

/// How many sets are under way at once: one is written while the other waits for the lock.
const LANES: usize = 2;
/// So many that come at once go in two sets.
const HALVED_MIN: usize = 16;

/// What a command was decided on.
#[derive(Default)]
pub(crate) struct StandsOn {
    /// The states of the streams it writes, in this order: they fall if its events are not appended.
    pub(crate) own: Vec<Basis>,
    /// The states of the streams it takes facts from.
    pub(crate) facts: Vec<Basis>,
}

/// The way to the appender task, which ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Pending>,
}

impl Queue {
    /// Starts the appender on a connection of its own.
    pub(crate) fn start(options: PgConnectOptions) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let options = options.options([
            // What others committed before the lock was had must be seen, whatever the default is.
            ("default_transaction_isolation", "read\\ committed"),
            ("lock_timeout", "2s"),
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
        tokio::spawn(Appender::new(options).run(receiver));
        Self { sender }
    }

    /// Puts a command in line; its place in the log follows its place here.
    pub(crate) fn push(
        &self,
        append: Append,
        stands_on: StandsOn,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let (answer, verdict) = oneshot::channel();
        let command = Prepared::new(append)?;
        self.sender.try_send(Pending { command, stands_on, answer }).map_err(
            |full| match full {
                mpsc::error::TrySendError::Full(_) => AppendError::Busy,
                mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
            },
        )?;
        Ok(verdict)
    }
}

struct Appender {
    lanes: Vec<Lane>,
    /// Commands that are in no set yet.
    line: Vec<Pending>,
    under_way: VecDeque<UnderWay>,
    landing: FuturesOrdered<BoxFuture<'static, Landed>>,
    /// How many commands go together next time.
    sent_max: usize,
}

struct UnderWay {
    size: usize,
    touches: Touches,
    last: Follows,
}

struct Landed {
    lane: Lane,
    commands: Vec<Pending>,
    sent: Result<Outcome, Failure>,
}

impl Appender {
    fn new(options: PgConnectOptions) -> Self {
        Self {
            lanes: (0..LANES).map(|_| Lane::new(options.clone())).collect(),
            line: Vec::with_capacity(BATCH_MAX),
            under_way: VecDeque::with_capacity(LANES),
            landing: FuturesOrdered::new(),
            sent_max: BATCH_MAX,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut open = true;
        loop {
            self.send();
            let room = BATCH_MAX.saturating_sub(self.line.len());
            tokio::select! {
                biased;
                Some(landed) = self.landing.next(), if !self.under_way.is_empty() => {
                    self.land(landed).await;
                }
                received = queue.recv_many(&mut self.line, room), if open && room > 0 => {
                    open = received > 0;
                    if self.under_way.is_empty() {
                        // Those who got their answers together ask again together.
                        tokio::task::yield_now().await;
                    }
                }
                else => return,
            }
            while self.line.len() < BATCH_MAX
                && let Ok(pending) = queue.try_recv()
            {
                self.line.push(pending);
            }
            gauge!("daybook_append_queue_depth").set(queue.len() as f64);
        }
    }

    /// Sends what can go: at once if nothing is under way, else what is worth a commit and has
    /// nothing to do with what is.
    fn send(&mut self) {
        while !self.line.is_empty()
            && self.under_way.back().is_none_or(|last| self.line.len() >= last.size)
            && let Some(lane) = self.lanes.pop()
        {
            self.line = Line::without_fallen(std::mem::take(&mut self.line));
            let max = match self.line.len() {
                many @ HALVED_MIN.. if self.under_way.is_empty() => many.div_ceil(2),
                _ => BATCH_MAX,
            };
            let appends = self.line.iter().map(|pending| &pending.command.append);
            let before = self.under_way.back();
            let wave =
                Wave::of(appends, max.min(self.sent_max), before.map(|before| &before.touches));
            if wave.size == 0 {
                self.lanes.push(lane);
                return;
            }
            self.sent_max = BATCH_MAX;
            let rest = self.line.split_off(wave.size);
            let commands = std::mem::replace(&mut self.line, rest);
            let follows = before.and_then(|before| before.last.clone());
            let last = commands.last().map(|last| {
                let append = &last.command.append;
                (append.caller.clone(), append.key.clone())
            });
            self.under_way.push_back(UnderWay { size: wave.size, touches: wave.touches, last });
            self.landing.push_back(Box::pin(fly(lane, commands, wave.heads, follows)));
        }
    }

    async fn land(&mut self, first: Landed) {
        self.under_way.pop_front();
        self.lanes.push(first.lane);
        let mut line = Line::from(first.commands);
        let size = line.waiting.len();
        if let Ok(Outcome::Appended(verdicts)) = first.sent {
            line.appended(verdicts);
            line.deliver();
            return;
        }
        // Those behind have their place in the line again unless they were appended all the same.
        while let Some(behind) = self.landing.next().await {
            self.under_way.pop_front();
            self.lanes.push(behind.lane);
            let mut others = Line::from(behind.commands);
            match behind.sent {
                Ok(Outcome::Appended(verdicts)) => others.appended(verdicts),
                Err(Failure::Append(error)) => others.fail(others.waiting.len(), &error),
                Ok(Outcome::Irregular(_) | Outcome::Early) | Err(Failure::Data(_)) => {}
            }
            line.waiting.extend(others.deliver());
        }
        line.waiting.append(&mut self.line);
        match first.sent {
            Ok(Outcome::Appended(_) | Outcome::Early) => {}
            Ok(Outcome::Irregular(verdicts)) => self.sent_max = line.turn_down(verdicts),
            // A value that Postgres cannot store fails its statement whole: find out whose it is.
            Err(Failure::Data(detail)) if size == 1 => {
                line.turn_down(BTreeMap::from([(0, Verdict::Invalid(detail))]));
            }
            Err(Failure::Data(_)) => self.sent_max = size / 2,
            Err(Failure::Append(error)) => line.fail(size, &error),
        }
        self.line = line.deliver();
    }
}

async fn fly(mut lane: Lane, commands: Vec<Pending>, heads: Vec<Head>, follows: Follows) -> Landed {
    histogram!("daybook_append_batch_commands").record(commands.len() as f64);
    let started = Instant::now();
    let sent = lane.send(&commands, &heads, &follows).await;
    histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
    Landed { lane, commands, sent }
}
