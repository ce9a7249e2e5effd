// One good example of each profile, about one patient. The tests also break them, one rule at a time.

RuleSet: ExampleLabels
* meta.security[assertedByAi] = $observation-value#AIAST
* note.text = "Research use only - not a medical device. It supports your judgement only."

RuleSet: Component(code, value, low, high, unit)
* component[+].code = $quantity#{code}
* component[=].valueQuantity.value = {value}
* component[=].valueQuantity.system = $ucum
* component[=].valueQuantity.code = #{unit}
* component[=].valueQuantity.extension[interval90].valueRange.low.value = {low}
* component[=].valueQuantity.extension[interval90].valueRange.high.value = {high}

Instance: example-patient
InstanceOf: Patient
Usage: #example
Title: "Invented patient"
* name.text = "Example, invented"
* gender = #female
* birthDate = "1961-01-01"

Instance: example-mean-pressure
InstanceOf: Observation
Usage: #example
Title: "Measured mean arterial pressure"
* status = #final
* code = $loinc#8478-0 "Mean blood pressure"
* subject = Reference(example-patient)
* effectiveDateTime = "2026-01-01T09:55:00Z"
* valueQuantity = 61 'mm[Hg]'

Instance: example-twin
InstanceOf: CardioTwinDevice
Usage: #example
Title: "The simulation"
* note.text = "Research use only - not a medical device. It supports your judgement only."
* identifier.system = "https://cardiotwin.example/fhir/release"
* identifier.value = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
* status = #active
* deviceName.name = "CardioTwin twin"
* deviceName.type = #model-name
* type = $ai-device-type#Artificial-Intelligence
* version.value = "0.1.0"

Instance: example-risk
InstanceOf: CardioTwinRisk
Usage: #example
Title: "Risk of a low pressure within half an hour"
* insert ExampleLabels
* status = #preliminary
* subject = Reference(example-patient)
* occurrenceDateTime = "2026-01-01T10:00:00Z"
* performer = Reference(example-twin)
* method.text = "twin@sha256:0000000000000000000000000000000000000000000000000000000000000000"
* basis = Reference(example-mean-pressure)
* prediction.outcome = $outcome#mean_pressure_below_65
* prediction.outcome.text = "Simulated mean arterial pressure below 65 mmHg for a minute or longer"
* prediction.probabilityDecimal = 31
* prediction.extension[interval90].valueRange.low.value = 18
* prediction.extension[interval90].valueRange.low.system = $ucum
* prediction.extension[interval90].valueRange.low.code = #%
* prediction.extension[interval90].valueRange.high.value = 46
* prediction.extension[interval90].valueRange.high.system = $ucum
* prediction.extension[interval90].valueRange.high.code = #%
* prediction.whenPeriod.start = "2026-01-01T10:00:00Z"
* prediction.whenPeriod.end = "2026-01-01T10:30:00Z"

Instance: example-state
InstanceOf: CardioTwinState
Usage: #example
Title: "The twin of a patient who has lost blood"
* insert ExampleLabels
* status = #preliminary
* code = $kind#twin_state
* subject = Reference(example-patient)
* effectiveDateTime = "2026-01-01T10:00:00Z"
* device = Reference(example-twin)
* method.text = "Adaptive importance sampling, 2048 members, effective sample size 412"
* derivedFrom = Reference(example-mean-pressure)
* insert Component(mean_pressure, 61.2, 58.9, 63.6, mm[Hg])
* insert Component(cardiac_output, 3.4, 2.7, 4.3, L/min)
* insert Component(blood_volume, 3710, 3320, 4080, mL)

Instance: example-effect
InstanceOf: CardioTwinSimulatedEffect
Usage: #example
Title: "What 500 mL of crystalloid would change"
* insert ExampleLabels
* status = #preliminary
* extension[horizon].valueDuration = 30 'min'
* code = $kind#simulated_effect
* subject = Reference(example-patient)
* focus = Reference(example-fluid)
* focus.display = "Sodium chloride 0.9 %, 500 mL over 15 min"
* effectiveDateTime = "2026-01-01T10:00:00Z"
* device = Reference(example-twin)
* derivedFrom = Reference(example-mean-pressure)
* insert Component(mean_pressure, 6.1, 2.2, 10.4, mm[Hg])
* insert Component(cardiac_output, 0.7, 0.3, 1.2, L/min)
* component[0].extension[simulatedValue].valueQuantity = 67.3 'mm[Hg]'

Instance: example-fluid
InstanceOf: CardioTwinMedicationProposal
Usage: #example
Title: "Crystalloid as a proposal"
* insert ExampleLabels
* status = #draft
* intent = #proposal
* medicationCodeableConcept.text = "Sodium chloride 0.9 %"
* subject = Reference(example-patient)
* dosageInstruction.text = "500 mL intravenously over 15 min"
* dosageInstruction.doseAndRate.doseQuantity = 500 'mL'

Instance: example-red-cells
InstanceOf: CardioTwinServiceProposal
Usage: #example
Title: "Red cells as a proposal"
* insert ExampleLabels
* status = #draft
* intent = #proposal
* code.text = "Transfusion of red cells"
* quantityQuantity = 300 'mL'
* subject = Reference(example-patient)
