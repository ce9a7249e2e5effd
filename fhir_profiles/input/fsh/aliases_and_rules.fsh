// Names of foreign systems, and the rules that everything written by a machine obeys.

Alias: $observation-value = http://terminology.hl7.org/CodeSystem/v3-ObservationValue
Alias: $ai-device-type = http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS
Alias: $ucum = http://unitsofmeasure.org
Alias: $loinc = http://loinc.org
Alias: $rxnorm = http://www.nlm.nih.gov/research/umls/rxnorm
Alias: $quantity = https://cardiotwin.example/fhir/CodeSystem/quantity
Alias: $outcome = https://cardiotwin.example/fhir/CodeSystem/outcome
Alias: $kind = https://cardiotwin.example/fhir/CodeSystem/statement-kind

Invariant: research-note
Description: "A note says that this is research and not a medical device."
Severity: #error
Expression: "note.where(text.contains('Research use only')).exists()"

Invariant: real-reference
Description: "The reference leads to a resource; a display alone is no basis."
Severity: #error
Expression: "reference.exists() or identifier.exists()"

Invariant: interval-in-order
Description: "The lower bound is not above the upper bound."
Severity: #error
Expression: "low.empty() or high.empty() or low.value <= high.value"

// Level 1 of HL7 AI Transparency on FHIR: the resource carries the label "asserted by AI", so that
// a receiver may filter it without knowing these profiles.
RuleSet: AssertedByAi
* meta 1..1
* meta.security 1..*
* meta.security ^slicing.discriminator.type = #pattern
* meta.security ^slicing.discriminator.path = "$this"
* meta.security ^slicing.rules = #open
* meta.security contains assertedByAi 1..1
* meta.security[assertedByAi] = $observation-value#AIAST

RuleSet: SaysResearch
* note 1..*
* obeys research-note

RuleSet: Published
* ^status = #draft
* ^experimental = true
