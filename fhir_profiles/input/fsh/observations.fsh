// What the twin says of the present and of an order.

RuleSet: StatementOfTheTwin
* insert Published
* insert AssertedByAi
* insert SaysResearch
* status = #preliminary
* subject 1..1
* subject only Reference(Patient)
* effective[x] 1..1
* effective[x] only dateTime
* device 1..1
* device only Reference(CardioTwinDevice)
* device obeys real-reference
* performer 0..0
* value[x] 0..0
* derivedFrom 1..*
* derivedFrom obeys real-reference
* component 1..*
* component.code from Quantities (required)
* component.value[x] 1..1
* component.value[x] only Quantity
* component.valueQuantity.value 1..1
* component.valueQuantity.system 1..1
* component.valueQuantity.system = $ucum
* component.valueQuantity.code 1..1
* component.valueQuantity.extension contains Interval90 named interval90 1..1

Profile: CardioTwinState
Parent: Observation
Id: cardiotwin-state
Title: "State of the patient's twin"
Description: "The simulated circulation that fits the measurements: one component a quantity, its median as the value, with a 90 % interval. Estimated, never measured; `derivedFrom` leads to the measurements."
* insert StatementOfTheTwin
* code = $kind#twin_state
* method 1..1
* method.text 1..1
* method.text ^short = "How the twin was fitted, with effective sample size"

Profile: CardioTwinSimulatedEffect
Parent: Observation
Id: cardiotwin-simulated-effect
Title: "Simulated effect of a draft order"
Description: "What the order in `focus` would change in the twin after the horizon: one component a quantity, the difference to the same twin without the order as the value, with a 90 % interval. No promise about the patient."
* insert StatementOfTheTwin
* code = $kind#simulated_effect
* focus 1..*
* focus only Reference(MedicationRequest or ServiceRequest or DeviceRequest or NutritionOrder)
* focus.display 1..1
* focus ^short = "The order; a draft has no address yet, so it is always named as well"
* extension contains Horizon named horizon 1..1
* component.extension contains SimulatedValue named simulatedValue 0..1
