//! `crossfade lab inject`: makes something go wrong in a lab, and puts it right. What makes no sense is refused.

use clap::{Args, ValueEnum};
use crossfade_lab::{Control, Disturbance, Fault};

use super::{DirArgs, side_of};
use crate::exit::{Exit, user_error};
use crate::rehearsal::{SIDES, context_of};

/// The place that is no cluster.
const ROUTE53: &str = "route53";
/// Every how many requests fail when nothing is said: enough to meet them, few enough to go on.
const EVERY: u32 = 3;
/// How long watches live when nothing is said.
const WATCH_MS: u32 = 1_000;
/// By how much name servers are late when nothing is said: as on a slow day of Route 53's 60 s.
const SYNC_MS: u32 = 5_000;

/// Options of `crossfade lab inject`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Faults of a cluster (blue, green):
  http500                pods answer 500; health checks still succeed
  unhealthy              no pod is ready
  load-balancers-off     its load balancers are switched off (load-balancers-on: on again)
  api-errors [N]         every Nth request to its Kubernetes API fails (3): 500, 503, 429, and 500 after it was done
  api-down               every connection to its Kubernetes API breaks
  watch-cut [MS]         its watches end after about MS (1000): closed, with 410 Gone, in the middle of an event
  latency MS             its Kubernetes API answers late
Faults of route53:
  throttle [N]           every Nth call gets Throttling or PriorRequestNotComplete (3)
  api-errors [N]         every Nth call fails (3): 500, 503, and 500 after it was done
  latency MS             its API answers late
  name-server-down N     name server 1, 2, 3 or 4 drops every question
  slow-sync [MS]         changes stay PENDING: the last name server takes them up MS later (5000)
Both:
  none                   all of the place's faults end")]
pub struct InjectArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Where: `blue`, `green` or `route53`.
    place: String,
    /// What.
    #[arg(value_enum, hide_possible_values = true)]
    fault: FaultArg,
    /// Its number, if it has one.
    value: Option<u32>,
    /// End it instead.
    #[arg(long)]
    off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FaultArg {
    None,
    Http500,
    Unhealthy,
    LoadBalancersOff,
    LoadBalancersOn,
    ApiErrors,
    ApiDown,
    WatchCut,
    Latency,
    Throttle,
    NameServerDown,
    SlowSync,
}

/// What the arguments say, once they make sense.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    EndAll,
    Pods(Fault),
    LoadBalancers { on: bool },
    Disturb(Disturbance),
}

pub(super) async fn run(args: &InjectArgs) -> anyhow::Result<Exit> {
    let addresses = args.dir.addresses()?;
    let order = order(args)?;
    let control = Control::new(&addresses);
    let cluster = context_of(&args.place);
    match order {
        Order::EndAll => end_all(&control, &args.place).await?,
        Order::Pods(fault) => control.inject(&cluster, if args.off { Fault::None } else { fault }).await?,
        Order::LoadBalancers { on } => control.set_load_balancers(&cluster, on != args.off).await?,
        Order::Disturb(what) if args.off => control.end(what).await?,
        Order::Disturb(what) => control.begin(what).await?,
    }
    Ok(Exit::Done)
}

async fn end_all(control: &Control, place: &str) -> anyhow::Result<()> {
    let cluster = (place != ROUTE53).then(|| context_of(place));
    if let Some(cluster) = &cluster {
        control.inject(cluster, Fault::None).await?;
        control.set_load_balancers(cluster, true).await?;
    }
    for what in control.status().await?.disturbances {
        if what.cluster() == cluster.as_deref() {
            control.end(what).await?;
        }
    }
    Ok(())
}

fn order(args: &InjectArgs) -> anyhow::Result<Order> {
    let is_cluster = SIDES.contains(&args.place.as_str());
    if !is_cluster && args.place != ROUTE53 {
        return Err(user_error(
            format!("the lab has no cluster {}", args.place),
            "it has blue, green and route53",
        ));
    }
    let name = args.fault.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let Some(order) = of_place(args, is_cluster)? else {
        return Err(user_error(
            format!("{name} is no fault of {}", args.place),
            "`crossfade lab inject --help` lists them by place",
        ));
    };
    if let Order::Disturb(what) = &order
        && let Some(problem) = what.problem().filter(|_| !args.off)
    {
        return Err(user_error(problem, "`crossfade lab inject --help` says what the number is"));
    }
    let takes_value = match &order {
        Order::Disturb(Disturbance::NameServerDown { .. }) => true,
        Order::Disturb(Disturbance::ApiDown { .. }) => false,
        Order::Disturb(_) => !args.off,
        _ => false,
    };
    if args.value.is_some() && !takes_value {
        let what = if args.off { format!("{name} --off") } else { name };
        return Err(user_error(format!("{what} takes no number"), "leave it out"));
    }
    if order == Order::EndAll && args.off {
        return Err(user_error("none is no fault that could end", "leave out --off"));
    }
    Ok(order)
}

/// `None` for a fault that the place does not have.
fn of_place(args: &InjectArgs, is_cluster: bool) -> anyhow::Result<Option<Order>> {
    use FaultArg::{
        ApiDown, ApiErrors, Http500, Latency, LoadBalancersOff, LoadBalancersOn, NameServerDown, None as End,
        SlowSync, Throttle, Unhealthy, WatchCut,
    };
    let cluster = context_of(&args.place);
    let number = |default: u32| args.value.unwrap_or(default);
    // What ends needs no number of milliseconds.
    let ms = || match args.value {
        None if !args.off => {
            Err(user_error("the number of milliseconds is missing", "put it behind `latency`"))
        }
        value => Ok(value.unwrap_or_default()),
    };
    let which =
        || args.value.ok_or_else(|| user_error("which name server?", "name-server-down 1, 2, 3 or 4"));
    Ok(Some(match (is_cluster, args.fault) {
        (_, End) => Order::EndAll,
        (true, Http500) => Order::Pods(Fault::Http500),
        (true, Unhealthy) => Order::Pods(Fault::Unhealthy),
        (true, LoadBalancersOff) => Order::LoadBalancers { on: false },
        (true, LoadBalancersOn) => Order::LoadBalancers { on: true },
        (true, ApiErrors) => Order::Disturb(Disturbance::ApiErrors { cluster, every: number(EVERY) }),
        (true, ApiDown) => Order::Disturb(Disturbance::ApiDown { cluster }),
        (true, WatchCut) => Order::Disturb(Disturbance::WatchCut { cluster, every_ms: number(WATCH_MS) }),
        (true, Latency) => Order::Disturb(Disturbance::ApiLatency { cluster, ms: ms()? }),
        (false, Throttle) => Order::Disturb(Disturbance::Route53Throttle { every: number(EVERY) }),
        (false, ApiErrors) => Order::Disturb(Disturbance::Route53Errors { every: number(EVERY) }),
        (false, Latency) => Order::Disturb(Disturbance::Route53Latency { ms: ms()? }),
        (false, NameServerDown) => Order::Disturb(Disturbance::NameServerDown { number: which()? }),
        (false, SlowSync) => Order::Disturb(Disturbance::SlowSync { ms: number(SYNC_MS) }),
        _ => return Ok(None),
    }))
}

/// How a fault that is on is asked for: `green api-errors 3`.
pub(super) fn describe(what: &Disturbance) -> String {
    let place = what.cluster().map_or(ROUTE53, side_of);
    let fault = match what {
        Disturbance::ApiErrors { every, .. } | Disturbance::Route53Errors { every } => {
            format!("api-errors {every}")
        }
        Disturbance::ApiDown { .. } => "api-down".to_owned(),
        Disturbance::WatchCut { every_ms, .. } => format!("watch-cut {every_ms}"),
        Disturbance::ApiLatency { ms, .. } | Disturbance::Route53Latency { ms } => format!("latency {ms}"),
        Disturbance::Route53Throttle { every } => format!("throttle {every}"),
        Disturbance::NameServerDown { number } => format!("name-server-down {number}"),
        Disturbance::SlowSync { ms } => format!("slow-sync {ms}"),
    };
    format!("{place} {fault}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: InjectArgs,
    }

    fn read(line: &str) -> Result<Order, String> {
        let words = std::iter::once("inject").chain(line.split(' '));
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        order(&line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_on_is_described_as_it_is_asked_for() {
        let lines = [
            "blue api-errors 5",
            "green api-down",
            "green watch-cut 700",
            "blue latency 250",
            "route53 throttle 2",
            "route53 api-errors 3",
            "route53 latency 20",
            "route53 name-server-down 4",
            "route53 slow-sync 9000",
        ];
        for line in lines {
            match read(line) {
                Ok(Order::Disturb(what)) => assert_eq!(describe(&what), line),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        let cases = [
            ("red http500", "the lab has no cluster red"),
            ("blue throttle", "throttle is no fault of blue"),
            ("route53 http500", "http500 is no fault of route53"),
            ("route53 watch-cut", "watch-cut is no fault of route53"),
            ("blue latency", "the number of milliseconds is missing"),
            ("route53 name-server-down", "which name server?"),
            ("blue api-down 3", "api-down takes no number"),
            ("blue http500 3", "http500 takes no number"),
            ("blue api-errors 3 --off", "api-errors --off takes no number"),
            ("green none --off", "none is no fault that could end"),
            ("green none 1", "none takes no number"),
            ("blue latency 0", "the number of milliseconds is 1 to 60000, not 0"),
            ("route53 name-server-down 5", "the number of a name server is 1 to 4, not 5"),
        ];
        for (line, reason) in cases {
            assert_eq!(read(line).err().as_deref(), Some(reason), "{line}");
        }
    }
}
