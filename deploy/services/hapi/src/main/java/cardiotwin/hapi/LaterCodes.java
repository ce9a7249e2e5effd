package cardiotwin.hapi;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.config.JpaConfig;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.CodeSystem.ConceptDefinitionComponent;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Codes younger than the definitions of R4 (2019), which count their code systems as complete: a
 * validator with a terminology server at hand knows them, one without would call them errors.
 */
@Configuration
public class LaterCodes {

    private static final String OBSERVATION_VALUE =
            "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

    /** "Security provenance asserted by": the parent of CLINAST, DEVAST, PATAST and their like. */
    private static final String ASSERTED_BY = "_SECINTPRVABOBV";

    @Bean
    public SmartInitializingSingleton knowLaterCodes(
            FhirContext context,
            DefaultProfileValidationSupport definitions,
            @Qualifier(JpaConfig.JPA_VALIDATION_SUPPORT_CHAIN) IValidationSupport chain) {
        return () -> {
            CodeSystem values = ((CodeSystem) definitions.fetchCodeSystem(OBSERVATION_VALUE)).copy();
            // https://terminology.hl7.org/CodeSystem-v3-ObservationValue.html
            find(ASSERTED_BY, values.getConcept())
                    .addConcept()
                    .setCode("AIAST")
                    .setDisplay("Artificial Intelligence asserted");
            PrePopulatedValidationSupport later = new PrePopulatedValidationSupport(context);
            later.addCodeSystem(values);
            ((ValidationSupportChain) chain).addValidationSupport(0, later);
        };
    }

    private static ConceptDefinitionComponent find(
            String code, List<ConceptDefinitionComponent> concepts) {
        for (ConceptDefinitionComponent concept : concepts) {
            if (concept.getCode().equals(code)) {
                return concept;
            }
            ConceptDefinitionComponent below = find(code, concept.getConcept());
            if (below != null) {
                return below;
            }
        }
        return null;
    }
}
