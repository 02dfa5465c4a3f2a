//! Secrets Manager on the lab's AWS endpoint.

use crossfade_lab_aws::SecretsManager;
use crossfade_lab_route53::{OtherAnswer, OtherServices};

/// Puts it there.
pub(crate) fn serve(secrets: SecretsManager, services: &OtherServices) {
    services.add(SecretsManager::SIGNED_FOR, move |parts, body| {
        let now = jiff::Timestamp::now().as_duration().as_secs_f64();
        let answer = secrets.answer(parts, body, now)?;
        Some(OtherAnswer { operation: answer.operation, response: answer.response })
    });
}
