"""The 31 source attributes of a predictive decision support intervention. A table; no code.

45 CFR 170.315(b)(11)(iv)(B), 89 FR 1192 (9 January 2024),
https://www.ecfr.gov/current/title-45/section-170.315. Every release states all of them; what is
not known is stated as "unknown" and never left out. Stating them claims no certification.
"""

from __future__ import annotations

from typing import Final

SOURCE_ATTRIBUTES: Final = {
    "developer_and_contact": "Developer name and contact",
    "funding": "Funding source of the technical implementation",
    "output": "Value produced as output",
    "output_type": "Output type: prediction, classification, recommendation, evaluation, analysis",
    "intended_use": "Intended use",
    "intended_population": "Intended patient population",
    "intended_user": "Intended user",
    "decision_role": "Intended decision-making role: informs, augments, replaces",
    "cautioned_out_of_scope": "Tasks, situations and populations cautioned against",
    "known_risks_and_limitations": "Known risks, inappropriate settings and uses, limitations",
    "inclusion_and_exclusion": "Inclusion and exclusion criteria of the training data",
    "sensitive_inputs": "Use of race, ethnicity, language, sex, age and the like as inputs",
    "demographic_representativeness": "Demographic representativeness of the training data",
    "relevance_to_setting": "Relevance of the training data to the deployed setting",
    "fairness_approach": "Approach to make the output fair",
    "bias_management": "Approaches to manage, reduce or eliminate bias",
    "external_data_source": "External validation: data source and clinical setting",
    "external_tester": "External validation: party that tested",
    "external_representativeness": "External validation: demographic representativeness",
    "external_process": "External validation: description of the process",
    "validity_same_source": "Validity in test data of the same source",
    "fairness_same_source": "Fairness in test data of the same source",
    "validity_external": "Validity in external data",
    "fairness_external": "Fairness in external data",
    "outcome_evaluations": "References to evaluation of use on outcomes",
    "validity_monitoring": "Process and frequency by which validity is monitored",
    "validity_local": "Validity in local data",
    "fairness_monitoring": "Process and frequency by which fairness is monitored",
    "fairness_local": "Fairness in local data",
    "update_process": "Process and frequency of updating",
    "correction_process": "How fast performance is corrected when risks are identified",
}
