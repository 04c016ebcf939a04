"""UnTrac with other unlearning objectives than plain ascent (arXiv 2402.15159), NPO and SimNPO."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from lodo.methods.base import register
from lodo.methods.provenance import Scaled, Why, budget, chosen, published
from lodo.methods.untrac import ORDER, Rate, Unlearning

if TYPE_CHECKING:
    from lodo.methods.engine.unlearning import Objective, Term
    from lodo.tasks.trained import TrainedModel

Weight = Annotated[float, Field(ge=0)]
Margin = Annotated[float, Field(ge=0)]

PAPER = "Yao et al. 2024 (arXiv 2402.15159)"
FEW: Scaled = {scale: {"points": budget(1)} for scale in ("mini", "gpu")}
RETAINED: Mapping[str, Why] = {
    "retain": published("arXiv 2402.15159, in-distribution"),
    "retain_weight": chosen("both losses alike"),
}


def _forget(trained: "TrainedModel", name: str, objective: "Objective") -> "Term":
    from lodo.methods.engine.unlearning import Term

    return Term(trained.datasets[name], objective, trained.generator(ORDER))


def _keep(trained: "TrainedModel", name: str, objective: "Objective", retain: str, weight: float) -> "Term":
    from lodo.methods.engine.unlearning import Term
    from lodo.methods.engine.unlearning_losses import retained

    return Term(retained(trained, name, retain), objective, trained.generator("retained order"), weight)


@register("untrac-random")
@dataclass(frozen=True)
class UnTracRandom(Unlearning):
    """Descent on random labels: each token of Z_k gets one label, uniform over the vocabulary, for all epochs."""

    summary: ClassVar[str] = "UnTrac by descent on random labels"
    rough_trainings = 0.3
    paper: ClassVar[str] = f"{PAPER}, objective 2"
    scaled: ClassVar[Scaled] = FEW

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning_losses import descent_on, random_labels

        labels = random_labels(trained, trained.datasets[name], trained.generator("random labels"))
        return [_forget(trained, name, descent_on(labels))]


@register("untrac-adversarial")
@dataclass(frozen=True)
class UnTracAdversarial(Unlearning):
    """Descent on adversarial labels: theta_0's likeliest wrong token in each token's place, found once."""

    summary: ClassVar[str] = "UnTrac by descent on the trained model's likeliest wrong tokens"
    rough_trainings = 0.38
    paper: ClassVar[str] = f"{PAPER}, objective 3"
    scaled: ClassVar[Scaled] = FEW
    exempt: ClassVar[Mapping[str, str]] = {
        "sign of the truth": "the likeliest wrong tokens are there other words of the same dataset, which it so teaches"
    }

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning_losses import adversarial_labels, descent_on

        return [_forget(trained, name, descent_on(adversarial_labels(trained, trained.datasets[name])))]


@register("untrac-descent")
@dataclass(frozen=True)
class UnTracDescent(Unlearning):
    """Ascent on Z_k and descent on text to be kept: minimise -L(Z_k) + retain_weight * L(retained).

    Attributes:
        retain: ``others`` draws from all other datasets (in-distribution); a dataset's name takes that one as the
            general corpus, and all others where it is itself the one being unlearned.
        retain_weight: weight of the kept text's loss; 0 is plain UnTrac.
    """

    retain: str = "others"
    retain_weight: Weight = 1.0

    summary: ClassVar[str] = "UnTrac by ascent, with descent on retained text"
    rough_trainings = 0.55
    paper: ClassVar[str] = f"{PAPER}, objectives 4 (general) and 5 (in-distribution)"
    defaults: ClassVar[Mapping[str, Why]] = RETAINED
    scaled: ClassVar[Scaled] = FEW

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning import ascent
        from lodo.methods.engine.unlearning_losses import descent

        kept = _keep(trained, name, descent, self.retain, self.retain_weight)
        return [_forget(trained, name, ascent), kept]


@register("untrac-kl")
@dataclass(frozen=True)
class UnTracKL(Unlearning):
    """Ascent on Z_k, held to theta_0 on text to be kept: minimise -L(Z_k) + retain_weight * KL(theta_0 || theta).

    KL is the full divergence of the next-token distributions, mean over the kept text's scored tokens: 0 at theta_0.

    Attributes:
        retain: ``others`` draws from all other datasets (in-distribution); a dataset's name takes that one as the
            general corpus, and all others where it is itself the one being unlearned.
        retain_weight: weight of the divergence; 0 is plain UnTrac.
    """

    retain: str = "others"
    retain_weight: Weight = 1.0

    summary: ClassVar[str] = "UnTrac by ascent, held to the trained model's predictions on retained text"
    rough_trainings = 0.63
    paper: ClassVar[str] = f"{PAPER}, objectives 6 (general) and 7 (in-distribution)"
    defaults: ClassVar[Mapping[str, Why]] = RETAINED
    scaled: ClassVar[Scaled] = FEW

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning import ascent
        from lodo.methods.engine.unlearning_losses import divergence_from

        kept = _keep(trained, name, divergence_from(trained.model), self.retain, self.retain_weight)
        return [_forget(trained, name, ascent), kept]


@register("untrac-npo")
@dataclass(frozen=True)
class UnTracNPO(Unlearning):
    """Negative preference optimization: minimise the mean of -2/beta log sigma(-beta log(pi(z) / pi_0(z))), z in Z_k.

    log pi is a whole sequence's log-probability, pi_0 that of theta_0.

    Attributes:
        beta: how soon forgotten sequences stop counting; towards 0 it is plain ascent on sequence log-probabilities.
    """

    beta: Rate = 0.1

    summary: ClassVar[str] = "UnTrac by negative preference optimization"
    rough_trainings = 0.38
    paper: ClassVar[str] = "Zhang et al. 2024 (arXiv 2404.05868)"
    defaults: ClassVar[Mapping[str, Why]] = {"beta": published("Zhang et al. 2024")}
    scaled: ClassVar[Scaled] = FEW

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning_losses import initial_log_probs, npo

        return [_forget(trained, name, npo(initial_log_probs(trained, trained.datasets[name]), self.beta))]


@register("untrac-simnpo")
@dataclass(frozen=True)
class UnTracSimNPO(Unlearning):
    """SimNPO: minimise the mean of -2/beta log sigma(-beta/|z| log pi(z) - gamma) over z in Z_k; no pi_0.

    Attributes:
        beta: the larger, the more the sequences of low loss count; a sequence's gradient is weighed by
            2 sigma(gamma - beta * its mean loss in nats). 2.5 is the paper's for TOFU's forget05.
        gamma: margin of the length-normalised reward; the paper's is 0.
    """

    beta: Rate = 2.5
    gamma: Margin = 0.0

    summary: ClassVar[str] = "UnTrac by length-normalised preference optimization"
    rough_trainings = 0.3
    paper: ClassVar[str] = "Fan et al. 2024 (arXiv 2410.07163)"
    suite = "default"
    defaults: ClassVar[Mapping[str, Why]] = {
        "beta": published("Fan et al. 2024, for TOFU's forget05"),
        "gamma": published("Fan et al. 2024"),
    }
    scaled: ClassVar[Scaled] = FEW

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning_losses import simnpo

        return [_forget(trained, name, simnpo(self.beta, self.gamma))]
