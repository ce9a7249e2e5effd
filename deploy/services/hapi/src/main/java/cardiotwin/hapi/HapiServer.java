package cardiotwin.hapi;

import java.net.InetAddress;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.boot.web.servlet.server.ServletWebServerFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;

import ca.uhn.fhir.rest.server.RestfulServer;

/**
 * A FHIR R4 server for tests: {@code --server.port=N} on the loopback address, everything in
 * memory, nothing protected. Only how it listens is said here; what it stores is {@link R4Storage}.
 *
 * <p>Spring Boot without its auto-configuration: HAPI brings its own persistence set-up, and what
 * is not guessed does not have to be switched off.
 */
@Configuration
@Import({R4Storage.class, LaterCodes.class})
public class HapiServer {

    public static void main(String[] arguments) {
        SpringApplication application = new SpringApplication(HapiServer.class);
        application.setWebApplicationType(WebApplicationType.SERVLET);
        application.setBannerMode(Banner.Mode.OFF);
        // HAPI's registries of search parameters and of listeners know each other.
        application.setAllowCircularReferences(true);
        application.run(arguments);
    }

    @Bean
    public ServletWebServerFactory loopbackOnly(Environment environment) {
        int port = environment.getRequiredProperty("server.port", Integer.class);
        TomcatServletWebServerFactory factory = new TomcatServletWebServerFactory(port);
        factory.setAddress(InetAddress.getLoopbackAddress());
        return factory;
    }

    @Bean
    public ServletRegistrationBean<RestfulServer> fhirServlet(RestfulServer server) {
        ServletRegistrationBean<RestfulServer> registration =
                new ServletRegistrationBean<>(server, "/fhir/*");
        registration.setLoadOnStartup(1);
        return registration;
    }
}
