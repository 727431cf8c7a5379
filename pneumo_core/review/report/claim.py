"""The items of CLAIM 2024, in our words, each with the answer that speaks to it.

Tejani, A. S., Klontzas, M. E., Gatti, A. A., et al. (2024). Checklist for Artificial Intelligence
in Medical Imaging (CLAIM): 2024 update. Radiology: Artificial Intelligence 6, e240300, doi
10.1148/ryai.240300.
"""

from __future__ import annotations

# (item, part of the manuscript, what it asks for, key of the answer)
CLAIM: tuple[tuple[str, str, str, str], ...] = (
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
