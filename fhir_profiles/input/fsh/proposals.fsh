// Draft orders that a suggestion brings. They are proposals until a clinician signs them.

RuleSet: Proposal
* insert Published
* insert AssertedByAi
* insert SaysResearch
* status = #draft
* intent = #proposal
* subject only Reference(Patient)

Profile: CardioTwinMedicationProposal
Parent: MedicationRequest
Id: cardiotwin-medication-proposal
Title: "Proposed medication"
Description: "A drug or fluid that did better in the simulation, as a draft for a clinician to judge, change and sign."
* insert Proposal
* dosageInstruction 1..*
* dosageInstruction.text 1..1

Profile: CardioTwinServiceProposal
Parent: ServiceRequest
Id: cardiotwin-service-proposal
Title: "Proposed service"
Description: "A transfusion, oxygen or another service that did better in the simulation, as a draft for a clinician to judge, change and sign."
* insert Proposal
* code 1..1
* code.text 1..1
