"""CLAIM 2024 and TRIPOD+AI, item by item: answered, answered in part, or open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.bundle.provenance import is_published, population
from pneumo_core.evaluation.report.document import Section, Table, Words
from pneumo_core.formatting import percent

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.evidence_level import EvidenceLevel
    from pneumo_core.evaluation.summary import Summary


Item = tuple[str, str, str, str]  # number, part of the manuscript, what is asked, key of its answer
State = Literal["answered", "in part", "open", "not applicable"]


@dataclass(frozen=True)
class Answer:
    """How far an item is answered, and with what; open: what the authors must add."""

    state: State
    text: str


def answers(
    bundle: Bundle, summary: Summary, evidence: EvidenceLevel, films: str
) -> dict[str, Answer]:
    """An answer by key of the checklists' items; a key that is missing is open."""
    found = {
        **_always(summary, films),
        **_of_evaluation(summary, evidence, films),
        **_of_card(bundle),
    }
    if is_published(bundle):
        return found | _PUBLISHED
    return found | {"sources": _part(f"{population(bundle)} Describe it.")}


def _yes(text: str) -> Answer:
    return Answer("answered", text)


def _part(text: str) -> Answer:
    return Answer("in part", text)


def _always(summary: Summary, films: str) -> dict[str, Answer]:
    """What holds for every model of Pneumo."""
    return {
        "category": _part(
            "Deep learning, a convolutional network that classifies chest films. Say so in the "
            "title, with the population and the outcome."
        ),
        "intended": _part(
            "Research and teaching: to show a network's findings, their uncertainty, the image "
            "regions behind them and when it should not answer. No clinical role. Add the clinical "
            "background."
        ),
        "goal": _part(f"Evaluation of a trained classifier on {films}. State hypotheses."),
        "preprocessing": _yes(
            "Decoded to 8-bit grey (DICOM: rescale, VOI, polarity), resized to the network's size "
            "with anti-aliasing, aspect ratio ignored; the same for all films and groups. The "
            "network scales grey levels itself."
        ),
        "missing": _yes(
            "Films that cannot be read are left out and counted. There are no other "
            "predictors that could be missing."
        ),
        "deidentification": _part(
            "No patient tag of a DICOM file is shown, stored or logged. Text burnt into pixels is "
            "not removed. State how the films were de-identified at their source."
        ),
        "partition": _yes(
            "Training and validation films are split at random, stratified, by patient; identical "
            "films count as one patient. A split called test is never used for training."
        ),
        "disjoint": _yes("Patients, as far as file names identify them."),
        "predictors": _yes("The pixels of one frontal film; nothing else."),
        "not_subjective": Answer("not applicable", "No predictor is assessed by a person."),
        "metrics": _yes(
            "AUC, average precision, sensitivity, specificity and accuracy at locked points, rates "
            "at a fixed rate, PPV and NPV by prevalence, Brier score and its parts, calibration "
            "error, slope and offset, net benefit, three-way rates; ROC, precision-recall, "
            "reliability and decision curves."
        ),
        "uncertainty": _yes(
            "95\xa0% intervals: Wilson for shares, DeLong and a bootstrap by patient for the AUC, "
            "the bootstrap by patient for curves and the Brier score, its inversion for the "
            "calibration error."
        ),
        "clusters": _part(
            "Several films of a patient: bootstrap by patient. Differences between centres are not "
            "measured."
        ),
        "explain": _yes(
            "Class activation maps on every reading, captioned as model attention and not as "
            "lesion location (Saporta et al. 2022)."
        ),
        "fairness": _part(
            "Figures by subtype, film size, aspect ratio and file series. Age, sex, ethnicity and "
            "device are not in the data."
        ),
        "updating": Answer("not applicable", "The model was not updated after its evaluation."),
        "input_quality": _yes(
            "Images that are clearly not frontal chest radiographs are refused before prediction; "
            "films between the operating points are referred, and so are films whose answer "
            "changes under small crops and shifts."
        ),
        "code_sharing": _yes(
            "The code that trained, evaluated and wrote this is open (MIT licence)."
        ),
        "performance": _yes("Headline, Discrimination, Calibration, Decisions, Subgroups."),
        "failures": _yes("Errors: misclassified films, the most confident first; Subgroups."),
        "how_predicted": _yes(
            "The stored network on each film once, logits divided by the stored temperature, "
            "softmax; P(pneumonia) = 1 − P(normal)."
        ),
        "demographics": Answer("open", "Age, sex and clinical findings are not in the films."),
        "flow": _part(
            f"{summary.n:,} films of {summary.n_patients:,} patients measured, "
            f"{summary.n_normal:,} normal and {summary.n_pneumonia:,} with pneumonia. "
            "Add how patients were selected."
        ),
        "events": _yes(f"{summary.n:,} films, {summary.n_pneumonia:,} with pneumonia."),
    }


def _of_evaluation(summary: Summary, evidence: EvidenceLevel, films: str) -> dict[str, Answer]:
    """What follows from the films that were measured."""
    accuracy = summary.points["balanced"]
    found = {
        "abstract": _part("The headline of this report has the results. Write the summary."),
        "accuracy": _yes(
            f"Sensitivity {percent(accuracy.sensitivity.value)}, specificity "
            f"{percent(accuracy.specificity.value)} at the locked balanced point, with intervals "
            "in the headline."
        ),
        "internal": _part(f"{evidence.badge}. {evidence.words}"),
        "external": Answer("open", "Test on films of another hospital."),
        "differences": Answer("open", "Describe how these films differ from those trained on."),
    }
    if evidence.kind == "test":
        found["internal"] = _yes(f"{evidence.badge}. {evidence.words}")
    if evidence.kind == "other":
        found["external"] = _part(f"{films}: {evidence.words} State where they come from.")
    return found


def _of_card(bundle: Bundle) -> dict[str, Answer]:
    """The card's description of the model."""
    card = bundle.card
    training, network = (card.document.get(key, {}) for key in ("training", "network"))
    found = {
        "output": _yes(
            "A calibrated probability and one of three answers. Thresholds: screening "
            f"{bundle.points.screening:.3f}, balanced {bundle.points.balanced:.3f}, ruling in "
            f"{bundle.points.ruling_in:.3f}, fitted on "
            f"{card.points_fitted_on or 'validation films'}."
        ),
        "availability": _part(
            "Weights, graph, temperature and thresholds are in the bundle, with their hashes. "
            "State where the bundle and the films can be had."
        ),
    }
    if network:
        found["model"] = _yes(_listed(network, ("backbone", "parameters", "trained_from")))
        if card.network.weights:
            found["initial"] = _yes(card.network.weights)
    if training:
        keys = (
            *("preset", "size", "epochs", "batch", "learning_rate", "weight_decay"),
            *("label_smoothing", "ema_momentum", "dropout", "seed", "machine"),
        )
        found["training"] = _yes(_listed(training, keys) + "; augmentation as in the model card.")
        folds = card.training.folds
        if folds == 1:
            found["ensemble"] = Answer("not applicable", "One network.")
            found["selection"] = _part(
                "The best epoch on the validation patients; its recipe was chosen before. Say how."
            )
        elif folds is not None:
            found["ensemble"] = Answer("not applicable", "One network, trained on all films.")
            found["selection"] = _part(f"{folds} folds by patient, then one network of all films.")
        weighted = card.training.class_weights
        if weighted is not None:
            how = "Class weights in the loss" if weighted else "None in training"
            found["imbalance"] = _yes(f"{how}; probabilities recalibrated to the films' own odds.")
    if card.versions:
        found["software"] = _yes(_listed(dict(card.versions), tuple(card.versions)))
    if card.stress is not None:
        found["robustness"] = _yes("Robustness: cost of each perturbation at the locked point.")
    if card.limitations:
        found["limits"] = _part(" ".join(card.limitations))
    return found


_PUBLISHED = {
    "retrospective": _yes("Retrospective."),
    "sources": _yes(
        "Kermany, Zhang, Goldbaum (2018), Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0; "
        "74\xa0% of the films show pneumonia, unlike in a clinic."
    ),
    "target": _part(
        "Children of 1–5 years with a frontal film. For researchers and students, not for patients."
    ),
    "setting": _yes("One hospital: Guangzhou Women and Children's Medical Center."),
    "eligibility": _part(
        "Children of 1–5 years with an antero-posterior film in routine care; low-quality scans "
        "were removed by the publishers. Further criteria are not published."
    ),
    "acquisition": _part("Antero-posterior films, published as JPEG. Devices are not stated."),
    "reference": _yes(
        "Normal or pneumonia, by two physicians looking at the films; subtype from the file names. "
        "There is no reference test such as a culture."
    ),
    "annotators": _part("Two expert physicians (Kermany et al. 2018). Their years are not stated."),
    "test_annotation": _yes("The official test films were checked by a third expert."),
    "inequalities": Answer("open", "The data include no age, sex or origin."),
    "data_sharing": _yes("Open: doi 10.17632/rscbjbr9sj.2, CC BY 4.0."),
    "ethics": _part(
        "The publishers report approval by the institutional review boards (Kermany et al. 2018). "
        "State your own."
    ),
    "limits": _yes(
        "One hospital, one age group, labels without a reference test, shortcuts in framing and "
        "compression between training and test films; see the model card."
    ),
    "interpretation": _part(
        "Figures hold for films like these. Expect more false alarms on films from elsewhere."
    ),
}


def _listed(facts: dict[str, Any], keys: tuple[str, ...]) -> str:
    listed = [f"{key.replace('_', ' ')} {facts[key]}" for key in keys if facts.get(key) is not None]
    return ", ".join(listed)


CLAIM: tuple[Item, ...] = (
    ("1", "Title, abstract", "says that it is a study of AI, and of which kind", "category"),
    ("2", "Title, abstract", "summary of design, methods, results, conclusions", "abstract"),
    ("3", "Introduction", "clinical background, intended use and role", "intended"),
    ("4", "Introduction", "aims and hypotheses", "aims"),
    ("5", "Study design", "prospective or retrospective", "retrospective"),
    ("6", "Study design", "goal of the study", "goal"),
    ("7", "Data", "sources of the data", "sources"),
    ("8", "Data", "who was included and excluded", "eligibility"),
    ("9", "Data", "preprocessing", "preprocessing"),
    ("10", "Data", "selection of parts of the data", "subsets"),
    ("11", "Data", "de-identification", "deidentification"),
    ("12", "Data", "missing data", "missing"),
    ("13", "Data", "how the images were acquired", "acquisition"),
    ("14", "Reference standard", "how it was obtained", "reference"),
    ("15", "Reference standard", "why it was chosen", "reference_why"),
    ("16", "Reference standard", "who annotated, and their qualification", "annotators"),
    ("17", "Reference standard", "annotation of the test films", "test_annotation"),
    ("18", "Reference standard", "variability within and between readers", "raters"),
    ("19", "Data partitions", "how films were assigned", "partition"),
    ("20", "Data partitions", "at which level the parts are disjoint", "disjoint"),
    ("21", "Testing data", "intended sample size", "sample_size"),
    ("22", "Model", "description of the model", "model"),
    ("23", "Model", "software and versions", "software"),
    ("24", "Model", "initial parameters", "initial"),
    ("25", "Training", "details of the training", "training"),
    ("26", "Training", "how the final model was selected", "selection"),
    ("27", "Training", "ensembling", "ensemble"),
    ("28", "Evaluation", "metrics of performance", "metrics"),
    ("29", "Evaluation", "statistical measures of uncertainty", "uncertainty"),
    ("30", "Evaluation", "robustness", "robustness"),
    ("31", "Evaluation", "explainability", "explain"),
    ("32", "Evaluation", "evaluation on internal data", "internal"),
    ("33", "Evaluation", "testing on external data", "external"),
    ("34", "Evaluation", "registration of a clinical trial", "trial"),
    ("35", "Results: data", "patients included and excluded", "flow"),
    ("36", "Results: data", "demographic and clinical characteristics", "demographics"),
    ("37", "Results: performance", "metrics with their uncertainty", "performance"),
    ("38", "Results: performance", "diagnostic accuracy and its precision", "accuracy"),
    ("39", "Results: performance", "analysis of failures", "failures"),
    ("40", "Discussion", "limitations", "limits"),
    ("41", "Discussion", "implications for practice, intended role", "implications"),
    ("42", "Other", "full protocol or further technical details", "protocol"),
    ("43", "Other", "availability of software, model and data", "availability"),
    ("44", "Other", "funding, and the role of funders", "funding"),
)


TRIPOD: tuple[Item, ...] = (
    ("1", "Title", "developing or evaluating a model, target population, outcome", "category"),
    ("2", "Abstract", "summary after TRIPOD+AI for abstracts", "abstract"),
    ("3a", "Introduction", "health care context, diagnostic or prognostic", "intended"),
    ("3b", "Introduction", "target population, intended use and users", "target"),
    ("3c", "Introduction", "known health inequalities between groups", "inequalities"),
    ("4", "Introduction", "objectives: development, evaluation or both", "goal"),
    ("5a", "Methods: data", "sources of the data, and how representative", "sources"),
    ("5b", "Methods: data", "dates", "dates"),
    ("6a", "Methods: participants", "setting, number and place of centres", "setting"),
    ("6b", "Methods: participants", "eligibility", "eligibility"),
    ("6c", "Methods: participants", "treatments received", "treatments"),
    (
        "7",
        "Methods: preparation",
        "preprocessing, quality checks, alike in groups",
        "preprocessing",
    ),
    ("8a", "Methods: outcome", "what is predicted, how and when assessed", "reference"),
    ("8b", "Methods: outcome", "qualification of those who judged it", "annotators"),
    ("8c", "Methods: outcome", "blinding of the assessment", "blinding"),
    ("9a", "Methods: predictors", "choice of the predictors", "predictors"),
    ("9b", "Methods: predictors", "definition of the predictors", "predictors"),
    ("9c", "Methods: predictors", "who judged predictors, if subjective", "not_subjective"),
    ("10", "Methods: sample size", "how the size was arrived at", "sample_size"),
    ("11", "Methods: missing data", "how missing data were handled", "missing"),
    ("12a", "Methods: analysis", "how the data were used and divided", "partition"),
    ("12b", "Methods: analysis", "how predictors were handled", "preprocessing"),
    ("12c", "Methods: analysis", "type of model, building, hyperparameters", "training"),
    ("12d", "Methods: analysis", "heterogeneity between clusters", "clusters"),
    ("12e", "Methods: analysis", "measures and plots of performance", "metrics"),
    ("12f", "Methods: analysis", "updating of the model", "updating"),
    ("12g", "Methods: analysis", "how predictions were calculated for evaluation", "how_predicted"),
    ("13", "Methods: imbalance", "handling of class imbalance", "imbalance"),
    ("14", "Methods: fairness", "approaches to fairness", "fairness"),
    ("15", "Methods: output", "what the model gives, thresholds and why", "output"),
    ("16", "Methods: differences", "between development and evaluation data", "differences"),
    ("17", "Methods: ethics", "approval and consent", "ethics"),
    ("18a", "Open science", "funding, and the role of funders", "funding"),
    ("18b", "Open science", "conflicts of interest", "conflicts"),
    ("18c", "Open science", "protocol", "protocol"),
    ("18d", "Open science", "registration", "trial"),
    ("18e", "Open science", "availability of the data", "data_sharing"),
    ("18f", "Open science", "availability of the code", "code_sharing"),
    ("19", "Involvement", "patients and public", "involvement"),
    ("20a", "Results: participants", "flow, with and without the outcome", "flow"),
    ("20b", "Results: participants", "characteristics", "demographics"),
    ("20c", "Results: participants", "predictors in development and evaluation", "differences"),
    ("21", "Results: development", "participants and events in each analysis", "events"),
    ("22", "Results: specification", "the full model, to use it elsewhere", "availability"),
    ("23a", "Results: performance", "estimates with intervals, by groups", "performance"),
    ("23b", "Results: performance", "heterogeneity between clusters", "heterogeneity"),
    ("24", "Results: updating", "results of updating", "updating"),
    ("25", "Discussion", "interpretation, fairness", "interpretation"),
    ("26", "Discussion", "limitations", "limits"),
    ("27a", "Discussion: usability", "input of poor quality or missing", "input_quality"),
    ("27b", "Discussion: usability", "handling and expertise needed by users", "expertise"),
    ("27c", "Discussion: usability", "next steps of research", "next"),
)


OPEN = Answer("open", "Not known to Pneumo: for the authors to answer.")
MARKS = {
    "answered": "✓ answered",
    "in part": "◐ in part",
    "open": "○ open",
    "not applicable": "– n/a",
}
SOURCES = {
    "CLAIM 2024": ("claim", CLAIM, "doi 10.1148/ryai.240300"),
    "TRIPOD+AI": ("tripod_ai", TRIPOD, "doi 10.1136/bmj-2023-078378"),
}


def checklists(
    bundle: Bundle, summary: Summary, evidence: EvidenceLevel, films: str
) -> tuple[Section, ...]:
    """A section a checklist."""
    known = answers(bundle, summary, evidence, films)
    return tuple(
        _section(title, name, items, doi, known) for title, (name, items, doi) in SOURCES.items()
    )


def _section(
    title: str,
    name: str,
    items: tuple[Item, ...],
    doi: str,
    known: dict[str, Answer],
) -> Section:
    given = [(item, known.get(item[3], OPEN)) for item in items]
    count = {state: sum(answer.state == state for _, answer in given) for state in MARKS}
    records = tuple(
        {"item": number, "part": part, "asks": asks, "state": answer.state, "answer": answer.text}
        for (number, part, asks, _), answer in given
    )
    rows = tuple(
        (one["item"], f"{one['part']}: {one['asks']}", MARKS[one["state"]], one["answer"])
        for one in records
    )
    heads = ("item", "asks for", "state", "answer")
    table = Table(name, title, heads, rows, records, wide=(1, 3))
    words = Words(
        f"Of {len(items)} items of {title} ({doi}), Pneumo answers {count['answered']}, "
        f"{count['in part']} in part; not applicable: {count['not applicable']}; open, for the "
        f"authors: {count['open']}. Items are paraphrased; the published wording prevails."
    )
    return Section(f"Checklist: {title}", (words, table))
