// Who speaks: the twin or a net, as a Device. The type follows AI Transparency on FHIR
// (https://build.fhir.org/ig/HL7/aitransparency-ig/), whose package R4 tools cannot yet load.

Profile: CardioTwinDevice
Parent: Device
Id: cardiotwin-device
Title: "Model that speaks"
Description: "The simulation or the released net that a statement comes from. Its identifier is the digest of the release, so that the same model has one Device wherever it runs."
* insert Published
* identifier 1..*
* identifier.system 1..1
* identifier.value 1..1
* status 1..1
* deviceName 1..*
* version 1..*
* type 1..1
* type = $ai-device-type#Artificial-Intelligence
* insert SaysResearch
