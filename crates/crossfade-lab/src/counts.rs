//! What CloudWatch learns of the lab's load balancers: their requests, a moment after they were counted.
//!
//! Real load balancers publish each minute, a minute or two late. Network load balancers are left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossfade_lab_aws::CloudWatch;
use crossfade_lab_route53::{OtherAnswer, OtherServices};

use crate::ingress::Infrastructure;
use crate::names::application_dimension;

/// Between two looks at the load balancers' own counts. Requests are booked at most this much late, so a second that has been
/// over for as long is complete.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Puts CloudWatch on the lab's AWS endpoint.
pub(crate) fn serve(cloud_watch: &Arc<CloudWatch>, services: &OtherServices) {
    let cloud_watch = Arc::clone(cloud_watch);
    services.add(CloudWatch::SIGNED_FOR, move |parts, body| {
        let answer = cloud_watch.answer(parts, body)?;
        Some(OtherAnswer { operation: answer.operation, response: answer.response })
    });
}

/// Tells CloudWatch what load balancers count, until it is dropped.
pub(crate) async fn feed(cloud_watch: Arc<CloudWatch>, infrastructure: Arc<Infrastructure>) {
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let second = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
        let balancers = infrastructure.balancers.all();
        told.retain(|dns_name, _| balancers.iter().any(|balancer| balancer.identity.dns_name == *dns_name));
        for balancer in balancers {
            let Some(dimension) = application_dimension(&balancer.identity.dns_name) else { continue };
            let counted = balancer.forwarded();
            let before = told.insert(balancer.identity.dns_name.clone(), counted).unwrap_or_default();
            let more = counted.wrapping_sub(before);
            if more > 0 {
                cloud_watch.count(&dimension, second, more.into());
            }
        }
    }
}
