//! Many callers at the same moment.

use std::sync::Barrier;
use std::thread;

/// How many callers stand at the line in every race.
pub const RUNNERS: usize = 50;

/// Runs `act(0..n)` on `n` threads that start together, and gives the answers in the order of the runners.
pub fn race<T: Send>(n: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let line = Barrier::new(n);
    thread::scope(|scope| {
        let runners: Vec<_> = (0..n)
            .map(|runner| {
                let (line, act) = (&line, &act);
                scope.spawn(move || {
                    line.wait();
                    act(runner)
                })
            })
            .collect();
        runners
            .into_iter()
            .map(|runner| runner.join().expect("a runner fell"))
            .collect()
    })
}
