// What R4 has no place for: the interval of a value, the time a simulation looks ahead, and the
// value that a simulated change leads to.

Extension: Interval90
Id: interval-90
Title: "90 % interval"
Description: "The interval that holds the value with a probability of 90 %, in the unit of the value. In a risk prediction the unit is %, as that of the probability itself."
Context: Quantity, RiskAssessment.prediction
* insert Published
* value[x] only Range
* value[x] 1..1
* valueRange.low 1..1
* valueRange.low.value 1..1
* valueRange.high 1..1
* valueRange.high.value 1..1
* valueRange obeys interval-in-order

Extension: Horizon
Id: horizon
Title: "Time looked ahead"
Description: "How long after the order the simulated effect is read off."
Context: Observation
* insert Published
* value[x] only Duration
* value[x] 1..1
* valueDuration.value 1..1

Extension: SimulatedValue
Id: simulated-value
Title: "Simulated value with the order"
Description: "The value that the change leads to, at the end of the time looked ahead."
Context: Observation.component
* insert Published
* value[x] only Quantity
* value[x] 1..1
* valueQuantity.value 1..1
* valueQuantity.system 1..1
* valueQuantity.system = $ucum
* valueQuantity.code 1..1
