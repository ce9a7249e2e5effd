// A risk, with what it rests on.

Profile: CardioTwinRisk
Parent: RiskAssessment
Id: cardiotwin-risk
Title: "Risk stated by a model"
Description: "The risk of one or more outcomes. R4 writes `probabilityDecimal` as a percentage: 31 means 31 %, and 0.31 would mean a third of a percent. It is preliminary until a clinician has judged it; no machine makes it final."
* insert Published
* insert AssertedByAi
* insert SaysResearch
* status = #preliminary
* subject only Reference(Patient)
* occurrence[x] 1..1
* occurrence[x] only dateTime
* performer 1..1
* performer only Reference(CardioTwinDevice)
* performer obeys real-reference
* method 1..1
* method.text 1..1
* method.text ^short = "Name and digest of the model, as in `b3_trajectory@sha256:…`"
* basis 1..*
* basis obeys real-reference
* basis ^short = "Every resource that was read, with its version where the server gave one"
* prediction 1..*
* prediction.extension contains Interval90 named interval90 0..1
* prediction.outcome 1..1
* prediction.outcome from Outcomes (extensible)
* prediction.outcome.text 1..1
* prediction.probability[x] 1..1
* prediction.probability[x] only decimal
* prediction.probability[x] ^short = "Per cent, 0 to 100"
* prediction obeys probability-in-per-cent
* prediction.when[x] 1..1
* prediction.when[x] only Period
* prediction.when[x] ^short = "From the statement to the end of the time looked ahead; open-ended until discharge"
* prediction.whenPeriod.start 1..1

Invariant: probability-in-per-cent
Description: "A percentage lies between 0 and 100."
Severity: #error
Expression: "probability.ofType(decimal) >= 0 and probability.ofType(decimal) <= 100"
