// The project's own codes. Simulated values never carry a LOINC code at the place where a chart
// would look for a measurement: what plots heart rates must not plot simulated ones.

CodeSystem: StatementKind
Id: statement-kind
Title: "Kinds of statement"
Description: "What an Observation of CardioTwin states. None of them is a measurement."
* ^caseSensitive = true
* insert Published
* #twin_state "State of the simulated circulation" "What the patient's cardiovascular twin, fitted to the measurements, says of the present."
* #simulated_effect "Simulated effect of an order" "How the twin changes when the order is given, compared with the same twin without it."

CodeSystem: Quantity
Id: quantity
Title: "Quantities of the twin"
Description: "Quantities that the simulated circulation yields; the codes are the names in `twin.core.haemodynamics.Quantity`."
* ^caseSensitive = true
* insert Published
* #heart_rate "Simulated heart rate"
* #systolic_pressure "Simulated systolic arterial pressure"
* #diastolic_pressure "Simulated diastolic arterial pressure"
* #mean_pressure "Simulated mean arterial pressure"
* #central_venous_pressure "Simulated central venous pressure"
* #pulmonary_systolic_pressure "Simulated pulmonary artery systolic pressure"
* #pulmonary_diastolic_pressure "Simulated pulmonary artery diastolic pressure"
* #pulmonary_mean_pressure "Simulated mean pulmonary artery pressure"
* #wedge_pressure "Simulated pulmonary artery wedge pressure"
* #cardiac_output "Simulated cardiac output"
* #stroke_volume "Simulated stroke volume"
* #ejection_fraction "Simulated left ventricular ejection fraction"
* #systemic_resistance "Simulated systemic vascular resistance"
* #blood_volume "Simulated blood volume"
* #oxygen_saturation "Simulated arterial oxygen saturation"
* #arterial_oxygen_pressure "Simulated arterial oxygen pressure"
* #mixed_venous_saturation "Simulated mixed venous oxygen saturation"
* #haemoglobin "Simulated haemoglobin"
* #oxygen_delivery "Simulated oxygen delivery"
* #oxygen_consumption "Simulated oxygen consumption"
* #arterial_carbon_dioxide_pressure "Simulated arterial carbon dioxide pressure"
* #minute_ventilation "Simulated minute ventilation"

CodeSystem: Outcome
Id: outcome
Title: "Outcomes whose risk is stated"
Description: "Outcomes of risk statements. A simulated event is an event in the twin, not a diagnosis."
* ^caseSensitive = true
* insert Published
* #in_hospital_death "Death in hospital" "Death before discharge from this stay, as PhysioNet 2012 records it."
* #mean_pressure_below_65 "Simulated mean arterial pressure below 65 mmHg" "For a minute or longer, in the simulated circulation."
* #shock "Simulated shock" "Low pressure or output that lasts, in the simulated circulation."
* #oxygen_saturation_below_90 "Simulated oxygen saturation below 90 %" "In the simulated circulation."

ValueSet: Quantities
Id: quantities
Title: "Quantities of the twin"
Description: "Every quantity of the twin."
* insert Published
* include codes from system $quantity

ValueSet: Outcomes
Id: outcomes
Title: "Outcomes whose risk is stated"
Description: "Every outcome of a risk statement."
* insert Published
* include codes from system $outcome
